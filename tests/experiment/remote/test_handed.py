"""What is handed in for jobs meets the parameters: said once, or refused."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("botocore", reason="needs the extra 'aws'")

from model_trainers import IMAGE, ROLE, compute, trainer
from toy_plan import toy_params, toy_plan

from pytest_synebench.errors import BenchmarkError, UsageError
from pytest_synebench.experiment.remote.handed import handed, settled


def merged(folder: Path, made: object, **params: Any) -> dict[str, Any]:
    plan = toy_plan(folder, fields={"model_trainer": made}, backend="sagemaker", **params)
    return settled(plan.params, handed(plan))


def test_parameters_at_their_defaults_take_what_the_trainer_says(tmp_path: Path) -> None:
    found = merged(tmp_path, trainer(compute=compute(enable_managed_spot_training=True)))
    expected = {
        "image_uri": IMAGE,
        "sagemaker_execution_role": ROLE,
        "instance_type": "ml.m5.xlarge",
        "max_runtime": 3600,
        "spot": True,
        "s3_bucket": "s3://sagemaker-us-east-1-123456789012/train-job",
    }
    assert expected.items() <= found.items()


def test_what_is_said_twice_and_alike_is_no_matter(tmp_path: Path) -> None:
    params = {"instance_type": "ml.m5.xlarge", "max_runtime": 3600, "image_uri": IMAGE}
    assert params.items() <= merged(tmp_path, trainer(), **params).items()


def test_the_bucket_is_the_parameters_where_it_names_one(tmp_path: Path) -> None:
    assert merged(tmp_path, trainer(), s3_bucket="team/hpo")["s3_bucket"] == "team/hpo"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"instance_type": "ml.g5.xlarge"},
            r"instance_type is .*, and model_trainer.compute.instance_type is .*; leave --inst",
        ),
        ({"max_runtime": 60}, "max_runtime is 60, and .*max_runtime_in_seconds is 3600"),
        ({"image_uri": "other"}, "image_uri is 'other', and model_trainer.training_image is "),
        ({"sagemaker_execution_role": "me"}, "sagemaker_execution_role is 'me', and .*role is"),
        ({"framework": "PyTorch"}, "framework is 'PyTorch', and .*an image is named once"),
        (
            {"job_request": {"OutputDataConfig": {"CompressionType": "NONE"}}},
            "job_request has OutputDataConfig.CompressionType 'NONE', and .* 'GZIP'; say it once",
        ),
        ({"job_request": ["VpcConfig"]}, r"job_request is \['VpcConfig'\]; it must be a JSON obj"),
    ],
)
def test_a_contradiction_is_refused_with_both_values(
    tmp_path: Path, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        merged(tmp_path, trainer(), **params)


def test_without_a_trainer_everything_is_as_it_was(tmp_path: Path) -> None:
    assert merged(tmp_path, None) == toy_params(backend="sagemaker")


def test_a_function_is_called_once_when_jobs_are_wanted_and_not_before(tmp_path: Path) -> None:
    called: list[bool] = []

    def make() -> SimpleNamespace:
        called.append(True)
        return trainer()

    plan = toy_plan(tmp_path, fields={"model_trainer": make}, backend="sagemaker")
    assert not called
    assert handed(plan).params["image_uri"][0] == IMAGE
    assert handed(plan).region == "us-east-1"
    assert called == [True]


def test_what_is_no_trainer_is_no_benchmark(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="model_trainer is 'arn'; it must be a ModelTrainer"):
        toy_plan(tmp_path, fields={"model_trainer": "arn"})
