from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from training_jobs import BUCKET, keys, prepare, request

from pytest_synebench.emulator import Emulator

ONCE = Config(retries={"total_max_attempts": 1})


def asked(emulator: Emulator, path: str, **headers: str) -> int:
    told = urllib.request.Request(emulator.url + path, b"{}", headers)
    try:
        with urllib.request.urlopen(told) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return int(error.code)


def key(emulator: Emulator) -> str:
    return f"Credential={emulator.variables['AWS_ACCESS_KEY_ID']}/-/-/sagemaker/"


@pytest.mark.parametrize("path", ["/", "/team/x", "/_emulator/now", "/moto-api/reset"])
def test_without_the_access_key_nothing_is_answered(
    sagemaker_emulator: Emulator, path: str
) -> None:
    assert asked(sagemaker_emulator, path) == 403
    other = "Credential=EMULATED/-/-/sagemaker/"
    assert asked(sagemaker_emulator, path, Authorization=other) == 403


def test_a_client_with_other_credentials_is_told_so(sagemaker_emulator: Emulator) -> None:
    client = sagemaker_emulator.client("sagemaker", aws_access_key_id="testing")
    with pytest.raises(ClientError, match="set AWS_ACCESS_KEY_ID as the emulator printed it"):
        client.create_training_job(**request("a"))
    listed = sagemaker_emulator.client("sagemaker").list_training_jobs()
    assert listed["TrainingJobSummaries"] == []


@pytest.mark.parametrize("header", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}])
def test_a_web_page_is_refused_whatever_it_carries(
    sagemaker_emulator: Emulator, header: dict[str, str]
) -> None:
    told = {"Authorization": key(sagemaker_emulator)}
    assert asked(sagemaker_emulator, "/_emulator/now", **told) == 200
    assert asked(sagemaker_emulator, "/_emulator/now", **told, **header) == 403


def test_a_presigned_url_is_let_in(sagemaker_emulator: Emulator) -> None:
    prepare(sagemaker_emulator)
    client = sagemaker_emulator.client("s3", config=Config(signature_version="s3v4"))
    told = {"Bucket": BUCKET, "Key": "code/train.py"}
    with urllib.request.urlopen(client.generate_presigned_url("get_object", told)) as answer:
        assert b"SIGTERM" in answer.read()


def test_requests_are_throttled_as_told_and_retried_by_the_client(
    sagemaker_emulator: Emulator,
) -> None:
    sagemaker_emulator.faults({"kind": "throttle", "operation": "List*", "times": 2})
    with pytest.raises(ClientError, match=r"ThrottlingException.*Rate exceeded"):
        sagemaker_emulator.client("sagemaker", config=ONCE).list_training_jobs()
    sagemaker_emulator.client("sagemaker").list_training_jobs()
    assert sagemaker_emulator.fault_hits() == [2]
    assert sagemaker_emulator.calls()["ListTrainingJobs"] == 3


def test_s3_is_throttled_in_its_own_words(sagemaker_emulator: Emulator) -> None:
    client = sagemaker_emulator.client("s3", config=ONCE)
    client.create_bucket(Bucket=BUCKET)
    sagemaker_emulator.faults(
        {"kind": "throttle", "operation": "s3.PUT", "about": "reports/"},
        {"kind": "unavailable", "operation": "s3.GET"},
    )
    client.put_object(Bucket=BUCKET, Key="other", Body=b"")
    with pytest.raises(ClientError, match="SlowDown"):
        client.put_object(Bucket=BUCKET, Key="reports/1", Body=b"")
    with pytest.raises(ClientError, match=r"503|ServiceUnavailable"):
        client.get_object(Bucket=BUCKET, Key="other")


@pytest.mark.parametrize(("kind", "done"), [("drop before", False), ("drop after", True)])
def test_a_lost_answer_hides_what_was_done(
    sagemaker_emulator: Emulator, kind: str, done: bool
) -> None:
    prepare(sagemaker_emulator)
    client = sagemaker_emulator.client("sagemaker", config=ONCE)
    sagemaker_emulator.faults({"kind": kind, "operation": "CreateTrainingJob", "about": "a"})
    with pytest.raises(ConnectionClosedError):
        client.create_training_job(**request("a"))
    assert bool(client.list_training_jobs()["TrainingJobSummaries"]) is done


def test_requests_of_the_emulator_itself_meet_no_fault(sagemaker_emulator: Emulator) -> None:
    prepare(sagemaker_emulator)
    sagemaker_emulator.faults(
        {"kind": "unavailable", "operation": "s3.*", "times": None},
        {"kind": "drop before", "operation": "logs.*", "times": None},
    )
    sagemaker_emulator.client("sagemaker").create_training_job(**request("a"))
    sagemaker_emulator.wait("a", "Completed")
    sagemaker_emulator.faults()
    assert "checkpoints/a/state.json" in keys(sagemaker_emulator)


@pytest.mark.parametrize("service", ["sts", "iam"])
def test_a_service_that_speaks_xml_refuses_in_it(
    sagemaker_emulator: Emulator, service: str
) -> None:
    client = sagemaker_emulator.client(service, aws_access_key_id="testing", config=ONCE)
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        client.get_caller_identity() if service == "sts" else client.list_roles()
