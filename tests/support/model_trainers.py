"""What looks like a ModelTrainer of the SageMaker SDK, where that is not installed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/train:7"
ROLE = "arn:aws:iam::123456789012:role/training"


class Unassigned:
    """What the SDK has in a field that nobody has set."""


def trainer(**fields: Any) -> SimpleNamespace:
    """Return one as the SDK makes it of nothing but an image and a role: with its defaults."""
    told: dict[str, Any] = {
        "training_mode": "SAGEMAKER_TRAINING_JOB",
        "sagemaker_session": SimpleNamespace(boto_region_name="us-east-1"),
        "role": ROLE,
        "base_job_name": "train-job",
        "source_code": None,
        "distributed": None,
        "compute": compute(),
        "networking": None,
        "stopping_condition": SimpleNamespace(
            max_runtime_in_seconds=3600,
            max_wait_time_in_seconds=Unassigned(),
            max_pending_time_in_seconds=None,
        ),
        "training_image": IMAGE,
        "training_image_config": None,
        "algorithm_name": None,
        "output_data_config": SimpleNamespace(
            s3_output_path="s3://sagemaker-us-east-1-123456789012/train-job",
            compression_type="GZIP",
            kms_key_id=None,
        ),
        "input_data_config": None,
        "checkpoint_config": None,
        "training_input_mode": "File",
        "environment": {},
        "hyperparameters": {},
        "tags": None,
        "local_container_root": "/home/someone",
        "_retry_strategy": None,
        "_metric_definitions": None,
    }
    return SimpleNamespace(**(told | fields))


def compute(**fields: Any) -> SimpleNamespace:
    """Return a Compute."""
    told: dict[str, Any] = {
        "instance_type": "ml.m5.xlarge",
        "instance_count": 1,
        "volume_size_in_gb": 30,
        "volume_kms_key_id": None,
        "keep_alive_period_in_seconds": None,
        "instance_groups": None,
        "training_plan_arn": Unassigned(),
        "enable_managed_spot_training": None,
    }
    return SimpleNamespace(**(told | fields))


def networking(**fields: Any) -> SimpleNamespace:
    """Return a Networking."""
    told: dict[str, Any] = {
        "security_group_ids": ["sg-1"],
        "subnets": ["subnet-1", "subnet-2"],
        "enable_network_isolation": None,
        "enable_inter_container_traffic_encryption": None,
    }
    return SimpleNamespace(**(told | fields))
