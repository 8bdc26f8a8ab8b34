"""The jobs of our golden files, as the SDK's ``ModelTrainer`` is told of them."""

from __future__ import annotations

from typing import Any

from sagemaker_jobs import ROLE, image

CONFIG = {"lr": 0.1, "model": "lstm", "tied": True, "dataset_path": None}
OWN = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/train:7"
#: by the names of our golden files
TOLD: dict[str, dict[str, Any]] = {
    "image_uri": {"image": OWN, "compute": {"instance_type": "ml.m5.xlarge"}},
    "pytorch": {
        "image": image("PyTorch", "2.6", "ml.g4dn.xlarge"),
        "compute": {"instance_type": "ml.g4dn.xlarge"},
    },
    "huggingface": {
        "image": image("HuggingFace", "4.56", "ml.g5.xlarge"),
        "compute": {"instance_type": "ml.g5.xlarge", "instance_count": 2},
    },
}


def told(name: str, source_dir: str, **more: Any) -> dict[str, Any]:
    """Return what ``sdk_program.py`` is told of a job."""
    common = {"role": ROLE, "bucket": "team", "hyperparameters": CONFIG, "source_dir": source_dir}
    return {**common, "wait": False, **TOLD[name], **more}
