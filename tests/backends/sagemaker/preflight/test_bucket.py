from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from pytest_synebench.backends.sagemaker.preflight.asking import Clients, clients
from pytest_synebench.backends.sagemaker.preflight.bucket import bucket
from pytest_synebench.backends.sagemaker.preflight.findings import Finding, Verdict
from pytest_synebench.emulator import Emulator


@pytest.fixture
def asked(sagemaker_emulator: Emulator) -> Clients:
    sagemaker_emulator.client("s3").create_bucket(Bucket="team")
    return clients("us-east-1")


def looked(asked: Clients, name: str = "team", region: str = "us-east-1") -> Finding:
    return bucket(asked, name, "hpo/", region)


def test_a_bucket_that_can_be_used_is_left_as_it_was(
    asked: Clients, sagemaker_emulator: Emulator
) -> None:
    found = looked(asked)
    assert (found.verdict, found.told) == (Verdict.OK, "s3://team/hpo/: written, read, deleted")
    calls = sagemaker_emulator.calls()
    assert [calls[f"s3.{verb}"] for verb in ("PUT", "DELETE")] == [2, 1]  # one made the bucket
    assert "Contents" not in sagemaker_emulator.client("s3").list_objects_v2(Bucket="team")


def test_a_bucket_that_is_not_there_is_wrong(asked: Clients) -> None:
    found = looked(asked, "none", "eu-west-1")
    assert found.verdict is Verdict.WRONG
    assert found.mends == "aws s3 mb s3://none --region eu-west-1"


def test_a_bucket_of_another_region_is_wrong(asked: Clients, sagemaker_emulator: Emulator) -> None:
    where = {"LocationConstraint": "eu-west-1"}
    client = sagemaker_emulator.client("s3")
    client.create_bucket(Bucket="far", CreateBucketConfiguration=where)
    found = looked(asked, "far")
    assert found.verdict is Verdict.WRONG
    assert found.told.startswith("s3://far is in eu-west-1, and jobs run in us-east-1")
    assert found.mends.startswith("export AWS_REGION=eu-west-1")


@pytest.mark.parametrize("verb", ["write", "read", "delete"])
def test_what_cannot_be_done_is_named(
    asked: Clients, sagemaker_emulator: Emulator, verb: str
) -> None:
    method = {"write": "PUT", "read": "GET", "delete": "DELETE"}[verb]
    fault = {"kind": "unavailable", "operation": f"s3.{method}", "times": None}
    sagemaker_emulator.faults({**fault, "about": "preflight-"})
    found = looked(asked)
    assert found.verdict is Verdict.WRONG
    assert f"cannot {verb}: " in found.told
    assert ("is left there" in found.told) == (verb != "write")


class Forgetful:
    """An S3 whose bodies are others."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)

    def put_object(self, **told: Any) -> object:
        return self._client.put_object(**{**told, "Body": b"another"})


def test_what_is_read_must_be_what_was_written(asked: Clients) -> None:
    found = bucket(lambda name: Forgetful(asked(name)), "team", "", "us-east-1")
    assert found.verdict is Verdict.WRONG
    assert "is not what was written" in found.told
