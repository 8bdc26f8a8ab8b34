from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from training_jobs import request

from pytest_synebench.emulator.api import validation
from pytest_synebench.emulator.refusal import Refusal

SHAPE = (
    botocore.session.Session()
    .get_service_model("sagemaker")
    .operation_model("CreateTrainingJob")
    .input_shape
)


def refused(told: dict[str, Any]) -> str:
    with pytest.raises(Refusal) as caught:
        validation.check(SHAPE, told)
    return str(caught.value)


def test_a_request_as_clients_send_it_passes() -> None:
    validation.check(SHAPE, request("a-1", Tags=[{"Key": "tëam:größe/1", "Value": "a b_c+d@e"}]))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"TrainingJobName": "a_b"}, "regular expression pattern: [a-zA-Z0-9](-*["),
        ({"TrainingJobName": "a-"}, "regular expression pattern"),
        ({"TrainingJobName": "a\n"}, "regular expression pattern"),
        ({"HyperParameters": {"k": "v" * 2501}}, "'hyperParameters.k.member' failed"),
        ({"HyperParameters": {"k" * 257: "v"}}, "'hyperParameters.key' failed"),
        ({"HyperParameters": {str(n): "" for n in range(101)}}, "less than or equal to 100"),
        ({"Environment": {"a-b": "c"}}, "[a-zA-Z_][a-zA-Z0-9_]*"),
        ({"RoleArn": "arn:aws:iam::1:role/x"}, "'roleArn'"),
        ({"Tags": [{"Key": "a#", "Value": ""}]}, "'tags.1.member.key'"),
        ({"Tags": [{"Key": "a"}]}, "Value null at 'tags.1.member.value' failed to satisfy"),
        ({"ResourceConfig": {"InstanceType": "ml.c5.large"}}, "enum value set: [ml."),
        ({"ResourceConfig": {"KeepAlivePeriodInSeconds": 21601}}, "less than or equal to 21600"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 0}}, "greater than or equal to 1"),
        ({"VpcConfig": {"SecurityGroupIds": [], "Subnets": ["s"]}}, "length greater than"),
    ],
)  # fmt: skip
def test_every_rule_of_the_model_is_applied(fields: dict[str, Any], message: str) -> None:
    text = refused(request("a", **fields))
    assert text.startswith("ValidationException: 1 validation error detected: Value ")
    assert message in text


def test_all_that_is_wrong_is_told_at_once() -> None:
    # ASSUMED-06
    text = refused(request("x" * 64, RoleArn="me" * 10))
    assert "at 'trainingJobName' failed to satisfy constraint: Member must have length less" in text
    assert "3 validation errors detected" in text  # the name breaks a length and a pattern
    assert "'trainingJobName'" in text
    assert "'roleArn'" in text


@pytest.mark.parametrize(
    "fields",
    [
        {"Colour": "red"},
        {"HyperParameters": {"k": 1}},
        {"Tags": {"k": "v"}},
        {"EnableManagedSpotTraining": "yes"},
        {"StoppingCondition": {"MaxRuntimeInSeconds": True}},
        {"StoppingCondition": {"MaxRuntimeInSeconds": 1.5}},
    ],
)
def test_another_type_or_name_is_a_serialization_exception(fields: dict[str, Any]) -> None:
    assert refused(request("a", **fields)).startswith("SerializationException")
