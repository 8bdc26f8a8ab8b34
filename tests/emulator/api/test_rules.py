from __future__ import annotations

from typing import Any

import pytest
from training_jobs import request

from pytest_synebench.emulator.api import rules
from pytest_synebench.emulator.refusal import Refusal

RESOURCES = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}
IMAGE = {"TrainingImage": "i", "TrainingInputMode": "File"}


def channel(**fields: Any) -> dict[str, Any]:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/k"}}
    return {"ChannelName": "code", "DataSource": source, **fields}


def test_a_request_that_keeps_them_passes() -> None:
    rules.check(request("a"))
    stopping = {"MaxRuntimeInSeconds": 10, "MaxWaitTimeInSeconds": 10}
    rules.check(request("a", EnableManagedSpotTraining=True, StoppingCondition=stopping))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"AlgorithmSpecification": {"TrainingInputMode": "File"}}, "exactly one of"),
        ({"AlgorithmSpecification": {**IMAGE, "AlgorithmName": "a"}}, "exactly one of"),
        ({"AlgorithmSpecification": {"AlgorithmName": "a"}}, "emulator runs no algorithm by name"),
        ({"ResourceConfig": {**RESOURCES, "InstanceCount": 0}}, "InstanceCount must be given"),
        ({"ResourceConfig": {"InstanceGroups": []}}, "emulator has no InstanceGroups"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 2419201}}, "at most 2419200"),
        ({"StoppingCondition": {"MaxWaitTimeInSeconds": 5}}, "goes with EnableManagedSpotTrain"),
        ({"EnableManagedSpotTraining": True}, "Invalid MaxWaitTimeInSeconds"),
        (
            {
                "EnableManagedSpotTraining": True,
                "StoppingCondition": {"MaxRuntimeInSeconds": 9, "MaxWaitTimeInSeconds": 8},
            },
            "greater than or equal to MaxRuntimeInSeconds",
        ),
        (
            {
                "EnableManagedSpotTraining": True,
                "StoppingCondition": {"MaxRuntimeInSeconds": 9, "MaxWaitTimeInSeconds": 9},
                "ResourceConfig": {**RESOURCES, "KeepAlivePeriodInSeconds": 60},
            },
            "KeepAlivePeriodInSeconds does not go with",
        ),
        ({"InputDataConfig": [channel(), channel()]}, "ChannelName must be unique"),
        ({"InputDataConfig": [channel(InputMode="Pipe")]}, "emulator has no Pipe mode"),
        ({"InputDataConfig": [channel(CompressionType="Gzip")]}, "emulator unpacks no channels"),
        ({"InputDataConfig": [channel(DataSource={})]}, "S3Prefix only"),
        ({"RetryStrategy": {"MaximumRetryAttempts": 1}}, "emulator has no RetryStrategy"),
    ],
)
def test_each_rule_between_fields_is_kept(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(Refusal, match=message):
        rules.check(request("a", **fields))
