"""Requests of training jobs as the back-end makes them, by example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_synebench.backends.protocol import AttemptKey, AttemptSpec
from pytest_synebench.backends.sagemaker.images import training_image
from pytest_synebench.backends.sagemaker.layout import Layout
from pytest_synebench.backends.sagemaker.names import Names
from pytest_synebench.backends.sagemaker.request import creation
from pytest_synebench.backends.sagemaker.template import Template
from pytest_synebench.trial import TrialId

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
RUN = "lstm_wikitext2/lstm-asha_promotion-random/r0-20260101T000000Z-4f2a"
OWN_IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/train:7"
LAYOUT = Layout(bucket="team", prefix="hpo/", run=RUN)
NAMES = Names("lstm_wikitext2", RUN)


def image(framework: str, version: str, instance_type: str) -> str:
    """Return the table's image in eu-west-1."""
    return training_image(
        framework, version, region="eu-west-1", instance_type=instance_type, sdk=False
    )


def template(**fields: Any) -> Template:
    """Return a template; ``fields`` are those that are others."""
    told: dict[str, Any] = {
        "image_uri": OWN_IMAGE,
        "role": ROLE,
        "instance_type": "ml.m5.xlarge",
        "source": "0" * 64,
        "program": "train.py",
        "metrics": ("val_loss", "epoch"),
    }
    return Template(**{**told, **fields})


def spec(trial: int = 12, number: int = 3, **config: Any) -> AttemptSpec:
    """Return an attempt."""
    return AttemptSpec(
        key=AttemptKey(TrialId(trial), number),
        config=config or {"lr": 0.1, "model": "lstm", "tied": True, "dataset_path": None},
        seed=7,
        directory=Path("trials/12"),
        resource_attr="epoch",
        until=3,
        resume_at_most=1,
        checkpoint_at=(1, 3),
    )


def request(told: AttemptSpec | None = None, **fields: Any) -> dict[str, Any]:
    """Return a request; ``fields`` are those of its template that are others."""
    return creation(template(**fields), LAYOUT, NAMES, told or spec())


#: What the golden files hold, by their names.
GOLDEN: dict[str, dict[str, Any]] = {
    "image_uri": {},
    "pytorch": {
        "image_uri": image("PyTorch", "2.6", "ml.g4dn.xlarge"),
        "instance_type": "ml.g4dn.xlarge",
    },
    "huggingface": {
        "image_uri": image("HuggingFace", "4.56", "ml.g5.xlarge"),
        "instance_type": "ml.g5.xlarge",
        "instance_count": 2,
    },
    "spot": {"spot": True, "max_runtime_s": 3600, "tags": {"team": "blue"}},
    "warm_pool": {"keep_alive_s": 600, "max_runtime_s": 3600},
    "vpc_and_kms": {
        "extra": {
            "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
            "OutputDataConfig": {"KmsKeyId": "alias/team"},
            "ResourceConfig": {"VolumeKmsKeyId": "alias/team"},
            "EnableInterContainerTrafficEncryption": True,
            "Environment": {"NCCL_DEBUG": "INFO"},
            "Tags": [{"Key": "cost-centre", "Value": "42"}],
        }
    },
}
