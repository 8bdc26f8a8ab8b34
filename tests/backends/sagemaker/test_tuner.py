"""The request of a tuner's job."""

from __future__ import annotations

from typing import Any

import pytest
from sagemaker_jobs import LAYOUT, template

pytest.importorskip("botocore", reason="needs the extra 'aws'")

from pytest_synebench.backends.sagemaker import limits
from pytest_synebench.backends.sagemaker.tuner import (
    DEPENDENCIES,
    STARTER,
    STARTER_TEXT,
    TAG,
    VARIABLE,
    Tuner,
    tuner_creation,
)

NAME = "toy-20000101T000000-ab12cd"
URL = f"s3://team/hpo/remote/{NAME}/experiment.json"


def request(dependencies: str = "", **fields: Any) -> dict[str, Any]:
    tuner = Tuner(name=NAME, url=URL, title="toy::" + "x" * 300, dependencies=dependencies)
    return tuner_creation(template(**fields), LAYOUT, tuner)


@pytest.mark.parametrize(
    "fields",
    [{}, {"spot": True, "max_runtime_s": 3600}, {"tags": {"team": "blue"}}],
    ids=["plain", "spot", "tags"],
)
def test_it_satisfies_the_services_limits(fields: dict[str, Any]) -> None:
    made = request("bench/dependencies.txt", **fields)
    limits.check(made)
    assert made["StoppingCondition"]["MaxRuntimeInSeconds"] == fields.get("max_runtime_s", 86400)
    assert made.get("EnableManagedSpotTraining", False) == fields.get("spot", False)
    assert {"Key": TAG, "Value": NAME} in made["Tags"]


def test_what_the_job_needs_to_know_is_in_its_environment() -> None:
    assert request()["Environment"] == {VARIABLE: URL}
    own = request("bench/dependencies.txt")["Environment"]
    assert own == {VARIABLE: URL, DEPENDENCIES: "bench/dependencies.txt"}
    told = request()["HyperParameters"]
    assert told["sagemaker_program"] == STARTER
    assert told["experiment"].startswith("toy::x")
    assert request()["TrainingJobName"] == NAME


def test_what_is_started_is_a_program() -> None:
    compile(STARTER_TEXT, STARTER, "exec")
