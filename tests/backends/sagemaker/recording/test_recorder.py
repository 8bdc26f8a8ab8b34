"""Calls of a real client, written down: against the emulator."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from botocore.exceptions import ClientError, EndpointConnectionError
from training_jobs import BUCKET, prepare, request

from pytest_synebench.backends.sagemaker.port import new_client
from pytest_synebench.backends.sagemaker.recording import recorder
from pytest_synebench.backends.sagemaker.recording.recorder import Recorder, calls, record
from pytest_synebench.emulator import Emulator
from pytest_synebench.errors import BackendError, UsageError


def test_a_call_is_written_with_its_answer(sagemaker_emulator: Emulator, tmp_path: Path) -> None:
    prepare(sagemaker_emulator)
    client, s3 = sagemaker_emulator.client("sagemaker"), sagemaker_emulator.client("s3")
    one = Recorder(tmp_path)
    one.attach(client)
    one.attach(s3)
    client.create_training_job(**request("a"))
    sagemaker_emulator.wait("a", "Completed")
    client.describe_training_job(TrainingJobName="a")
    assert s3.get_object(Bucket=BUCKET, Key="code/train.py")["Body"].read()
    one.close()
    created, described, got = calls(tmp_path)
    assert (created["service"], created["operation"]) == ("sagemaker", "CreateTrainingJob")
    assert created["request"]["TrainingJobName"] == "job-1"
    assert (created["status"], created["error"]) == (200, None)
    assert described["answer"]["SecondaryStatus"] == "Completed"
    assert (got["operation"], got["request"]) == (
        "GetObject",
        {"Bucket": "redacted", "Key": "redacted"},
    )


def test_a_refusal_is_written_by_its_code(sagemaker_emulator: Emulator, tmp_path: Path) -> None:
    client = sagemaker_emulator.client("sagemaker")
    with closing(Recorder(tmp_path)) as one:
        one.attach(client)
        with pytest.raises(ClientError):
            client.describe_training_job(TrainingJobName="none")
    (line,) = calls(tmp_path)
    assert (line["status"], line["error"]) == (400, "ValidationException")


def test_a_call_that_met_nobody_is_written_too(tmp_path: Path, monkeypatch: Any) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    client = new_client("us-east-1")
    with closing(Recorder(tmp_path)) as one:
        one.attach(client)
        with pytest.raises(EndpointConnectionError):
            client.describe_training_job(TrainingJobName="none")
    (line,) = calls(tmp_path)
    assert (line["operation"], line["status"]) == ("DescribeTrainingJob", None)
    assert line["error"] == "EndpointConnectionError"


def test_without_the_variable_no_client_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(recorder.VARIABLE, raising=False)
    client = object()
    assert record(client) is client


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BackendError, match=r"SYNEBENCH_RECORD is '.*file', and calls-\d+.jsonl"):
        Recorder(tmp_path / "file")


def test_a_folder_without_a_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no calls-"):
        calls(tmp_path)
    (tmp_path / "calls-1.jsonl").write_text("{\n")
    with pytest.raises(UsageError, match=r"calls-1.jsonl:1 is no JSON"):
        calls(tmp_path)
