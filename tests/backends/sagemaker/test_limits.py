from __future__ import annotations

from typing import Any

import pytest
from sagemaker_jobs import GOLDEN, request, spec

pytest.importorskip("botocore", reason="needs the extra 'aws'")
pytest.importorskip("moto", reason="needs the extra 'emulator'")

from pytest_synebench.backends.sagemaker import limits
from pytest_synebench.emulator.api import rules, validation
from pytest_synebench.errors import UsageError


@pytest.mark.parametrize("name", GOLDEN)
def test_what_passes_here_passes_there(name: str) -> None:
    made = request(**GOLDEN[name])
    limits.check(made)
    validation.check(limits.model(), made)
    rules.check(made)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"role": "me"},
            r"RoleArn is 'me'; it must match arn:aws.*name the role by --sagemaker_ex",
        ),
        ({"image_uri": "x" * 256}, "it has 256 characters and must have at most 255: choose anoth"),
        ({"instance_type": "ml.g4dn.xlarg"}, r"one of the service's, as ml.g4dn.xlarge.*--instanc"),
        ({"tags": {f"k{n}": "" for n in range(49)}}, "Tags.* has 51 entries and must have at most"),
        ({"tags": {"a#": ""}}, r"Tags\[0\].Key is 'a#'; it must match .*: change the tags"),
        ({"tags": {"AWS:x": ""}}, "Tags is 'AWS:x'; keys that begin with aws: are reserved"),
        ({"extra": {"Tags": [{"Key": "synebench:run", "Value": ""}]}}, "a key may be there once"),
        ({"metrics": ("m" * 256,)}, "has 256 characters .*: give the metric a shorter name"),
        ({"extra": {"VpcConfg": {}}}, "knows no such field; did you mean 'VpcConfig'"),
        (
            {"extra": {"Environment": {"SYNEBENCH_X": "x" * 513}}},
            "must have at most 512: choose a shorter prefix in --s3_bucket",
        ),
        (
            {"extra": {"VpcConfig": {"Subnets": ["s"]}}},
            "VpcConfig.SecurityGroupIds is None; it mus",
        ),
        ({"extra": {"Environment": {"a": 1}}}, "Environment.a is 1; it must be a string"),
        ({"extra": {"Environment": {"a-b": "1"}}}, r"Environment \(key\) is 'a-b'; it must match"),
        (
            {"extra": {"RetryStrategy": {"MaximumRetryAttempts": 31}}},
            "is 31; it must be at most 30",
        ),
        ({"extra": {"EnableNetworkIsolation": "no"}}, "is 'no'; it must be a boolean"),
    ],
)
def test_each_limit_is_told_with_value_rule_and_way_out(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        limits.check(request(**fields))


def test_a_config_of_any_length_passes() -> None:
    config: dict[str, Any] = {f"key_{n}": "value" * 200 for n in range(150)}
    limits.check(request(spec(**config)))
