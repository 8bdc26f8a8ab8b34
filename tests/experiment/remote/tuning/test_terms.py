"""The machine, image, role and bucket of a tuner's job."""

from __future__ import annotations

from typing import Any

import pytest
from toy_plan import toy_params

from pytest_synebench.backends.sagemaker.template import Template
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.remote.tuning.terms import bucket_of, template_of

ROLE = "arn:aws:iam::123456789012:role/training"
ALL: dict[str, Any] = {
    "s3_bucket": "s3://team/hpo/",
    "sagemaker_execution_role": ROLE,
    "instance_type": "ml.g4dn.xlarge",
    "framework": "PyTorch",
    "framework_version": "2.6.0",
}


def template(**params: Any) -> Template:
    return template_of("toy", toy_params(**{**ALL, **params}), "eu-west-1", "0" * 64)


@pytest.mark.parametrize(
    ("params", "machine"),
    [
        ({}, "ml.g4dn.xlarge"),
        ({"backend": "sagemaker"}, "ml.c5.xlarge"),
        ({"instance_type": ""}, "ml.c5.xlarge"),
        ({"tuner_instance_type": "ml.m5.large"}, "ml.m5.large"),
        ({"backend": "sagemaker", "tuner_instance_type": "ml.m5.large"}, "ml.m5.large"),
    ],
)
def test_trials_run_on_the_benchmarks_machine_and_a_small_one_waits(
    params: dict[str, Any], machine: str
) -> None:
    made = template(**params)
    assert made.instance_type == machine
    assert ("gpu" if machine.startswith("ml.g") else "cpu") in made.image_uri


def test_spot_is_for_the_machine_that_trials_run_on() -> None:
    assert template(spot=True).spot
    assert not template(spot=True, backend="sagemaker").spot
    assert template(max_runtime=600).max_runtime_s == 600


def test_what_is_missing_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"no bucket is named; .*--s3_bucket BUCKET/PREFIX"):
        bucket_of(toy_params(**{**ALL, "s3_bucket": ""}))
    with pytest.raises(UsageError, match=r"no role is named .*--sagemaker_execution_role arn:"):
        template(sagemaker_execution_role="")
    with pytest.raises(UsageError, match=r"no framework_version of PyTorch; known: .*2\.6\.0"):
        template(framework_version="")
    assert bucket_of(toy_params(**ALL)) == ("team", "hpo/")


def test_a_benchmark_without_a_framework_gets_pytorch() -> None:
    assert "pytorch-training:2.6.0-gpu-py312" in template(framework="").image_uri
    assert template(image_uri="team/own:1").image_uri == "team/own:1"


@pytest.mark.parametrize(
    "params",
    [{"framework_version": "2.1.0"}, {"image_uri": "team/pytorch:2.0-gpu-py310-cu118"}],
)
def test_an_image_with_a_python_that_is_too_old_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"has Python 3\.10 .*needs 3\.11 or newer"):
        template(**params)


def test_an_emulator_needs_nothing_but_a_benchmark() -> None:
    none = dict.fromkeys(ALL, "") | {"aws": "emulator"}
    assert template(**none).instance_type == "ml.m5.xlarge"
    assert bucket_of(toy_params(**none)) == ("synebench", "")
