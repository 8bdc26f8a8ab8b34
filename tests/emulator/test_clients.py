"""Jobs that run, seen through boto3 over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from io import BytesIO
from typing import Any

import pytest
from training_jobs import BUCKET, ROLE, body, keys, prepare, request

from pytest_synebench.emulator import Emulator
from pytest_synebench.emulator.machine.logs import GROUP

LONG: dict[str, Any] = {"epochs": 10**6, "epoch_s": 0.01}
SPOT: dict[str, Any] = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200},
}


@pytest.fixture
def emulator(sagemaker_emulator: Emulator) -> Emulator:
    prepare(sagemaker_emulator)
    return sagemaker_emulator


@pytest.fixture
def client(emulator: Emulator) -> Any:
    return emulator.client("sagemaker")


def states(job: dict[str, Any]) -> list[str]:
    return [one["Status"] for one in job["SecondaryStatusTransitions"]]


def test_a_job_completes_and_leaves_what_it_made(emulator: Emulator, client: Any) -> None:
    client.create_training_job(**request("a", epochs=3))
    emulator.wait("a", "Completed")
    job = client.describe_training_job(TrainingJobName="a")
    assert states(job) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert job["FinalMetricDataList"][0]["Value"] == pytest.approx(0.3333)
    assert json.loads(body(emulator, "checkpoints/a/state.json")) == {"epoch": 3}
    with tarfile.open(fileobj=BytesIO(body(emulator, "output/a/output/model.tar.gz"))) as archive:
        assert archive.getnames() == ["epochs.txt"]
    logs = emulator.client("logs")
    (stream,) = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix="a/")[
        "logStreams"
    ]
    read = logs.get_log_events(
        logGroupName=GROUP, logStreamName=stream["logStreamName"], startFromHead=True
    )
    assert [event["message"] for event in read["events"]] == emulator.lines("a")
    assert emulator.lines("a")[-1] == "epoch=3 loss=0.3333;"


def test_a_stopped_job_is_resumed_by_the_next_from_its_checkpoints(
    emulator: Emulator, client: Any
) -> None:
    client.create_training_job(**request("a", **LONG))
    emulator.wait_for_line("a", "epoch=5 ")
    client.stop_training_job(TrainingJobName="a")
    job = emulator.wait("a", "Stopped")
    assert states(job)[-3:] == ["Training", "Stopping", "Stopped"]
    assert "got SIGTERM" in emulator.lines("a")
    epoch = json.loads(body(emulator, "checkpoints/a/state.json"))["epoch"]

    client.create_training_job(**request("b", checkpoints="a", epochs=epoch + 2))
    emulator.wait("b", "Completed")
    assert emulator.lines("b")[0] == f"resumed from {epoch}"
    assert len(emulator.lines("b")) == 3


def test_what_ignores_sigterm_is_killed_after_the_grace(emulator: Emulator, client: Any) -> None:
    client.create_training_job(**request("a", **LONG, stubborn=1))
    emulator.wait_for_line("a", "epoch=1 ")
    client.stop_training_job(TrainingJobName="a")
    emulator.wait_for_line("a", "got SIGTERM")
    emulator.advance(119)
    assert client.describe_training_job(TrainingJobName="a")["TrainingJobStatus"] == "Stopping"
    emulator.advance(1)
    assert emulator.wait("a", "Stopped")["SecondaryStatus"] == "Stopped"


def test_a_failure_is_told_with_code_and_words(emulator: Emulator, client: Any) -> None:
    # ASSUMED-11
    client.create_training_job(**request("a", fail_at=2))
    job = emulator.wait("a", "Failed")
    assert job["FailureReason"] == "AlgorithmError: loss is NaN, exit code: 3"
    assert states(job)[-2:] == ["Training", "Failed"]


def test_a_killed_job_fails_with_the_code_of_the_signal(emulator: Emulator, client: Any) -> None:
    client.create_training_job(**request("a", **LONG))
    emulator.wait_for_line("a", "epoch=2 ")
    emulator.kill("a")
    assert emulator.wait("a", "Failed")["FailureReason"] == "AlgorithmError: , exit code: 137"
    assert json.loads(body(emulator, "checkpoints/a/state.json"))["epoch"] >= 2


def test_a_reclaimed_spot_job_goes_on_from_its_checkpoint(emulator: Emulator, client: Any) -> None:
    client.create_training_job(**request("a", **LONG, **SPOT))
    emulator.wait_for_line("a", "epoch=3 ")
    emulator.reclaim("a")
    emulator.wait_for_line("a", "resumed from")
    client.stop_training_job(TrainingJobName="a")
    job = emulator.wait("a", "Stopped")
    assert states(job)[2:7] == ["Training", "Interrupted", "Starting", "Downloading", "Training"]


def test_a_job_ends_when_its_runtime_is_over(emulator: Emulator, client: Any) -> None:
    condition = {"MaxRuntimeInSeconds": 600}
    client.create_training_job(**request("a", **LONG, StoppingCondition=condition))
    emulator.wait_for_line("a", "epoch=1 ")
    emulator.advance(600)
    job = emulator.wait("a", "Stopped")
    assert job["SecondaryStatus"] == "MaxRuntimeExceeded"
    assert "got SIGTERM" in emulator.lines("a")


def test_checkpoints_are_in_s3_while_the_job_runs(emulator: Emulator, client: Any) -> None:
    # ASSUMED-07
    client.create_training_job(**request("a", **LONG))
    emulator.wait_for_line("a", "epoch=1 ")
    emulator.sync("a")
    assert json.loads(body(emulator, "checkpoints/a/state.json"))["epoch"] >= 1


def test_a_job_reaches_s3_by_the_environment_it_is_given(emulator: Emulator, client: Any) -> None:
    script = (
        "import boto3\n"
        f"boto3.client('s3').put_object(Bucket={BUCKET!r}, Key='from/inside', Body=b'1')\n"
        "print(boto3.client('sts').get_caller_identity()['Account'])\n"
    )
    emulator.client("s3").put_object(Bucket=BUCKET, Key="code/train.py", Body=script.encode())
    client.create_training_job(**request("a"))
    emulator.wait("a", "Completed")
    assert keys(emulator, "from/") == ["from/inside"]
    assert emulator.lines("a") == ["123456789012"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (f"s3://{BUCKET}/nothing/", "ClientError: No S3 objects found under s3://team/nothing/"),
        ("s3://nobodys/x", "ClientError: s3://nobodys/x: An error occurred (NoSuchBucket)"),
    ],
)
def test_inputs_that_are_not_there_fail_the_job(
    emulator: Emulator, client: Any, source: str, reason: str
) -> None:
    told = request("a")
    told["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = source
    client.create_training_job(**told)
    job = emulator.wait("a", "Failed")
    assert job["FailureReason"].startswith(reason)
    assert states(job) == ["Starting", "Downloading", "Failed"]


def test_a_program_that_is_not_there_fails_the_job(emulator: Emulator, client: Any) -> None:
    told = request("a")
    told["AlgorithmSpecification"]["ContainerEntrypoint"] = ["no-such-program"]
    client.create_training_job(**told)
    assert "no-such-program" in emulator.wait("a", "Failed")["FailureReason"]


def test_quota_and_names_are_kept(emulator: Emulator, client: Any) -> None:
    emulator.quota("ml.m5.large", 1)
    client.create_training_job(**request("a", **LONG))
    with pytest.raises(client.exceptions.ResourceLimitExceeded, match="is 1 Instances"):
        client.create_training_job(**request("b"))
    with pytest.raises(client.exceptions.ResourceInUse, match="already exists"):
        client.create_training_job(**request("a"))
    emulator.wait_for_line("a", "epoch=1 ")  # a SIGTERM before the handler is there is lost
    client.stop_training_job(TrainingJobName="a")
    emulator.wait("a", "Stopped")  # ASSUMED-12
    client.create_training_job(**request("b"))


def test_search_understands_or(client: Any) -> None:
    for name in ("a", "b", "c"):
        client.create_training_job(**request(name))

    def found(operator: str) -> list[str]:
        filters = [
            {"Name": "TrainingJobName", "Operator": "Equals", "Value": name} for name in ("a", "b")
        ]
        expression = {"Filters": filters, "Operator": operator}
        results = client.search(Resource="TrainingJob", SearchExpression=expression)["Results"]
        return sorted(one["TrainingJob"]["TrainingJobName"] for one in results)

    assert found("Or") == ["a", "b"]
    assert found("And") == []


def test_two_clients_at_once_never_share_a_name(emulator: Emulator) -> None:
    program = (
        "import json, sys, boto3\n"
        "client = boto3.client('sagemaker')\n"
        "won = 0\n"
        "for number in range(8):\n"
        "    told = json.loads(sys.argv[1]) | {'TrainingJobName': f'n{number}'}\n"
        "    try:\n"
        "        client.create_training_job(**told)\n"
        "        won += 1\n"
        "    except client.exceptions.ResourceInUse:\n"
        "        pass\n"
        "print(won)\n"
    )
    argv = [sys.executable, "-c", program, json.dumps(request("x"))]
    both = [
        subprocess.Popen(
            argv, stdout=subprocess.PIPE, env={**os.environ, **emulator.variables}, text=True
        )
        for _ in range(2)
    ]
    assert sum(int(process.communicate()[0]) for process in both) == 8
    for number in range(8):
        emulator.wait(f"n{number}", "Completed")


def test_the_other_services_are_there(emulator: Emulator) -> None:
    trust = {"Version": "2012-10-17", "Statement": []}
    role = emulator.client("iam").create_role(
        RoleName="training", AssumeRolePolicyDocument=json.dumps(trust)
    )["Role"]
    assert role["Arn"] == ROLE
    assert emulator.client("sts").get_caller_identity()["Account"] == "123456789012"
    emulator.client("ecr").create_repository(repositoryName="team")
    assert emulator.client("ecr").describe_repositories()["repositories"][0]["repositoryName"]
