"""A benchmark with a ``ModelTrainer``: its jobs are made like it, as the service sees them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from toy_project import CONFTEST, make_project, run_pytest
from training_jobs import give_role

from pytest_synebench.emulator import Emulator

TRAINER = '''
def like():
    """Return what looks like a ModelTrainer; where its SDK is installed, it is one."""
    from types import SimpleNamespace as Said

    return Said(
        training_image="210987654321.dkr.ecr.us-east-1.amazonaws.com/team/train:7",
        role="arn:aws:iam::123456789012:role/like",
        compute=Said(instance_type="ml.c5.xlarge", volume_size_in_gb=7),
        networking=Said(subnets=["subnet-1"], security_group_ids=["sg-1"]),
        stopping_condition=Said(max_runtime_in_seconds=1800),
        output_data_config=Said(s3_output_path="s3://team/like", kms_key_id="alias/team"),
        input_data_config=[Said(channel_name="train", data_source="s3://team/data/")],
        environment={"COLOUR": "red"},
        tags=[Said(key="team", value="blue")],
        **more,
    )
'''
COMMON = (
    *("--synebench", "toy", "--num_trials", "1", "--max_resource_level", "1"),
    *("--scheduler", "fifo", "--backend", "sagemaker"),
)


def project(folder: Path, **more: object) -> Path:
    """Write a toy project whose benchmark has a trainer; ``more`` are attributes of that."""
    make_project(folder)
    text = CONFTEST.replace('metric="loss",', 'metric="loss",\n        model_trainer=like,')
    (folder / "conftest.py").write_text(f"more = {more!r}\n{TRAINER}{text}")
    return folder


def test_jobs_are_made_like_it(sagemaker_emulator: Emulator, tmp_path: Path) -> None:
    s3, client = (sagemaker_emulator.client(name) for name in ("s3", "sagemaker"))
    s3.create_bucket(Bucket="team")
    give_role(sagemaker_emulator, "like")
    s3.put_object(Bucket="team", Key="data/a.txt", Body=b"1")
    more = json.dumps({"EnableInterContainerTrafficEncryption": True})
    done = run_pytest(project(tmp_path), *COMMON, "--job_request", more)
    assert done.returncode == 0, done.stdout + done.stderr
    (one,) = client.list_training_jobs()["TrainingJobSummaries"]
    job: dict[str, Any] = client.describe_training_job(TrainingJobName=one["TrainingJobName"])
    assert job["RoleArn"] == "arn:aws:iam::123456789012:role/like"
    assert job["AlgorithmSpecification"]["TrainingImage"].endswith("/team/train:7")
    machine = {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 7}
    assert job["ResourceConfig"] == machine
    assert job["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 1800}
    assert job["OutputDataConfig"]["S3OutputPath"].startswith("s3://team/like/toy/")
    assert job["OutputDataConfig"]["KmsKeyId"] == "alias/team"
    assert [one["ChannelName"] for one in job["InputDataConfig"]] == ["code", "train"]
    assert {"COLOUR": "red"}.items() <= job["Environment"].items()
    assert job["EnableInterContainerTrafficEncryption"] is True
    tags = client.list_tags(ResourceArn=one["TrainingJobArn"])["Tags"]
    assert {"Key": "team", "Value": "blue"} in tags
    assert "synebench:attempt" in [tag["Key"] for tag in tags]


def test_what_contradicts_is_one_error_before_any_job(
    sagemaker_emulator: Emulator, tmp_path: Path
) -> None:
    done = run_pytest(project(tmp_path), *COMMON, "--instance_type", "ml.g5.xlarge")
    assert done.returncode == 1
    assert "model_trainer.compute.instance_type is 'ml.c5.xlarge'" in done.stdout
    assert sagemaker_emulator.calls().get("CreateTrainingJob", 0) == 0


def test_on_this_machine_it_is_not_asked_for(tmp_path: Path) -> None:
    done = run_pytest(project(tmp_path, training_image="twice"), *COMMON[:-2])
    assert done.returncode == 0, done.stdout
