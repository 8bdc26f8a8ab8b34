"""Each framework's jobs on the emulator: the image is the framework's, the script is the same."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from toy_project import make_project, run_pytest
from training_jobs import give_role

from pytest_synebench.emulator import Emulator

COMMON = (
    *("--synebench", "toy", "--num_trials", "1", "--max_resource_level", "3"),
    *("--scheduler", "fifo", "--backend", "sagemaker", "--s3_bucket", "team"),
    *("--sagemaker_execution_role", "arn:aws:iam::123456789012:role/jobs"),
)
HOST = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
OF_HUGGINGFACE = (
    f"{HOST}/huggingface-pytorch-training:2.8.0-transformers4.56.2-gpu-py312-cu129-ubuntu22.04"
)


@pytest.mark.parametrize(
    ("framework", "version", "machine", "image"),
    [
        ("PyTorch", "2.6", "ml.m5.xlarge", f"{HOST}/pytorch-training:2.6.0-cpu-py312"),
        ("HuggingFace", "4.56", "ml.g5.xlarge", OF_HUGGINGFACE),
    ],
)
def test_jobs_run_in_the_image_of_their_framework(
    sagemaker_emulator: Emulator,
    tmp_path: Path,
    framework: str,
    version: str,
    machine: str,
    image: str,
) -> None:
    client = sagemaker_emulator.client("sagemaker")
    sagemaker_emulator.client("s3").create_bucket(Bucket="team")
    give_role(sagemaker_emulator)
    told = ("--framework", framework, "--framework_version", version, "--instance_type", machine)
    done = run_pytest(make_project(tmp_path), *COMMON, *told, "-v")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "epochs: 3 run" in done.stdout
    (one,) = client.list_training_jobs()["TrainingJobSummaries"]
    job = client.describe_training_job(TrainingJobName=one["TrainingJobName"])
    assert job["AlgorithmSpecification"]["TrainingImage"] == image
    assert job["TrainingJobStatus"] == "Completed"
