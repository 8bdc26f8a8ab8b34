"""A ModelTrainer is read by the names of its attributes; the SDK's own: tests/sdk."""

from __future__ import annotations

import ast
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("botocore", reason="needs the extra 'aws'")

from model_trainers import IMAGE, ROLE, Unassigned, compute, networking, trainer

from pytest_synebench.backends.sagemaker import trainer as module
from pytest_synebench.backends.sagemaker.trainer import IGNORED, OURS, PARTS, TAKEN, Trainer, read
from pytest_synebench.errors import UsageError


def told(**fields: Any) -> Trainer:
    return read(trainer(**fields))


def said(found: Trainer) -> dict[str, Any]:
    return {name: value for name, (value, _) in found.params.items()}


def test_what_the_sdk_makes_of_an_image_and_a_role() -> None:
    found = told()
    assert said(found) == {
        "image_uri": IMAGE,
        "sagemaker_execution_role": ROLE,
        "instance_type": "ml.m5.xlarge",
        "max_runtime": 3600,
        "s3_bucket": "s3://sagemaker-us-east-1-123456789012/train-job",
    }
    assert found.template == {"instance_count": 1, "volume_gb": 30}
    assert found.extra == {"OutputDataConfig": {"CompressionType": "GZIP"}}


def test_all_that_may_be_said_of_a_job_stands_in_its_request() -> None:
    found = told(
        compute=compute(
            instance_type="ml.g5.xlarge",
            instance_count=2,
            volume_size_in_gb=100,
            volume_kms_key_id="alias/disk",
            training_plan_arn="arn:aws:sagemaker:us-east-1:123456789012:training-plan/p",
            enable_managed_spot_training=True,
        ),
        networking=networking(enable_inter_container_traffic_encryption=True),
        stopping_condition=SimpleNamespace(
            max_runtime_in_seconds=60, max_wait_time_in_seconds=90, max_pending_time_in_seconds=7200
        ),
        output_data_config=SimpleNamespace(s3_output_path="s3://b/p", kms_key_id="alias/out"),
        training_image_config=SimpleNamespace(
            training_repository_access_mode="Vpc",
            training_repository_auth_config=SimpleNamespace(
                training_repository_credentials_provider_arn="arn:aws:lambda:x:1:function:f"
            ),
        ),
        environment={"NCCL_DEBUG": "INFO"},
        tags=[SimpleNamespace(key="team", value="blue"), {"key": "cost", "value": "42"}],
        _retry_strategy=SimpleNamespace(maximum_retry_attempts=3),
    )
    assert said(found) | {} == {
        "image_uri": IMAGE,
        "sagemaker_execution_role": ROLE,
        "instance_type": "ml.g5.xlarge",
        "spot": True,
        "max_runtime": 60,
        "s3_bucket": "s3://b/p",
    }
    assert found.template == {
        "instance_count": 2,
        "volume_gb": 100,
        "max_wait_s": 90,
        "tags": {"team": "blue", "cost": "42"},
    }
    assert found.extra == {
        "ResourceConfig": {
            "VolumeKmsKeyId": "alias/disk",
            "TrainingPlanArn": "arn:aws:sagemaker:us-east-1:123456789012:training-plan/p",
        },
        "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]},
        "EnableInterContainerTrafficEncryption": True,
        "StoppingCondition": {"MaxPendingTimeInSeconds": 7200},
        "OutputDataConfig": {"KmsKeyId": "alias/out"},
        "AlgorithmSpecification": {
            "TrainingImageConfig": {
                "TrainingRepositoryAccessMode": "Vpc",
                "TrainingRepositoryAuthConfig": {
                    "TrainingRepositoryCredentialsProviderArn": "arn:aws:lambda:x:1:function:f"
                },
            }
        },
        "Environment": {"NCCL_DEBUG": "INFO"},
        "RetryStrategy": {"MaximumRetryAttempts": 3},
    }


def test_an_instance_may_be_kept_for_the_next_job() -> None:
    assert said(told(compute=compute(keep_alive_period_in_seconds=600)))["keep_alive"] == 600


def test_channels_are_those_of_the_request_however_they_are_spelled() -> None:
    whole = {
        "s3_data_type": "S3Prefix",
        "s3_uri": "s3://data/a/",
        "s3_data_distribution_type": "FullyReplicated",
    }
    disk = SimpleNamespace(
        file_system_id="fs-1",
        file_system_type="EFS",
        directory_path="/d",
        file_system_access_mode="ro",
    )
    found = told(
        input_data_config=[
            SimpleNamespace(channel_name="a", data_source="s3://data/a/", content_type=None),
            SimpleNamespace(channel_name="b", data_source=SimpleNamespace(**whole)),
            SimpleNamespace(channel_name="c", data_source=disk, content_type="text/csv"),
            SimpleNamespace(
                channel_name="d",
                data_source=SimpleNamespace(
                    s3_data_source=SimpleNamespace(**whole), file_system_data_source=Unassigned()
                ),
                input_mode="FastFile",
            ),
        ]
    )
    source = {
        "S3DataSource": {
            "S3DataType": "S3Prefix",
            "S3Uri": "s3://data/a/",
            "S3DataDistributionType": "FullyReplicated",
        }
    }
    file_system = {
        "FileSystemId": "fs-1",
        "FileSystemType": "EFS",
        "DirectoryPath": "/d",
        "FileSystemAccessMode": "ro",
    }
    assert found.template["channels"] == (
        {"ChannelName": "a", "DataSource": source},
        {"ChannelName": "b", "DataSource": source},
        {
            "ChannelName": "c",
            "DataSource": {"FileSystemDataSource": file_system},
            "ContentType": "text/csv",
        },
        {"ChannelName": "d", "DataSource": source, "InputMode": "FastFile"},
    )


class Mode(Enum):
    LOCAL_CONTAINER = "LOCAL_CONTAINER"
    SAGEMAKER_TRAINING_JOB = "SAGEMAKER_TRAINING_JOB"


def test_a_mode_may_be_an_enum() -> None:
    assert said(told(training_mode=Mode.SAGEMAKER_TRAINING_JOB))["image_uri"] == IMAGE


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"source_code": "src"}, "model_trainer.source_code is 'src'; .*Benchmark.script"),
        ({"hyperparameters": {"lr": 1}}, "hyperparameters is {'lr': 1}; .*config_space"),
        ({"algorithm_name": "xgb"}, "algorithm_name is 'xgb'; .*name training_image"),
        ({"distributed": "torchrun"}, "distributed is 'torchrun'; a script starts once"),
        ({"checkpoint_config": "s3"}, "checkpoint_config is 's3'; .*a store of our own"),
        ({"_metric_definitions": ["m"]}, "_metric_definitions is .*its benchmark reports"),
        ({"training_mode": Mode.LOCAL_CONTAINER}, "training_mode is 'LOCAL_CONTAINER'; .*local"),
        ({"training_input_mode": "Pipe"}, "training_input_mode is 'Pipe'; .*of a channel"),
        (
            {"compute": compute(instance_groups=[{"instance_count": 1}])},
            "instance_groups is .*one",
        ),
        (
            {"networking": networking(enable_network_isolation=True)},
            "enable_network_isolation is True; jobs send their reports through S3",
        ),
        ({"tags": [{"key": "synebench:run", "value": ""}]}, "tags is 'synebench:run'; keys that"),
        (
            {"environment": {"SYNEBENCH_JOB": "x"}},
            r"environment\['SYNEBENCH_JOB'\] is 'x'; .*order",
        ),
        (
            {"input_data_config": [{"channel_name": "code", "data_source": "s3://b/"}]},
            r"input_data_config\[0\].channel_name is 'code'",
        ),
        (
            {"input_data_config": [{"channel_name": "a", "data_source": "/home/x"}]},
            r"input_data_config\[0\].data_source is '/home/x'; jobs read from S3: upload it",
        ),
        ({"compute": compute(colour="red")}, "compute.colour is 'red'; .*no such field: update"),
        ({"role": None, "tags": [{"key": object()}]}, r"tags\[0\].key is <object.*a value, and"),
    ],
)
def test_what_is_not_a_trainers_to_say_is_refused_by_name(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        told(**fields)


def test_another_region_than_its_sessions_is_refused() -> None:
    found = told(sagemaker_session=SimpleNamespace(boto_region_name="eu-west-1"))
    found.check_region("eu-west-1")
    told(sagemaker_session=None).check_region("us-east-1")
    with pytest.raises(UsageError, match="boto_region_name is 'eu-west-1'; jobs run in us-east-1"):
        found.check_region("us-east-1")


def test_what_is_no_trainer_is_refused() -> None:
    with pytest.raises(UsageError, match=r"model_trainer is 7; it must be a ModelTrainer"):
        read(7)


def test_each_attribute_has_one_meaning() -> None:
    groups = [set(TAKEN), set(PARTS), set(OURS), set(IGNORED)]
    assert len(set().union(*groups)) == sum(map(len, groups))


def test_nothing_of_the_sdk_is_imported() -> None:
    tree = ast.parse(Path(module.__file__).read_text())
    names = [
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None), *(alias.name for alias in node.names)]
    ]
    assert not [name for name in names if name and name.split(".")[0] == "sagemaker"]
