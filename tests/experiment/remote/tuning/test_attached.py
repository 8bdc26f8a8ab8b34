"""Submissions are found by the name of any of their jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from toy_plan import toy_plan
from tuner_jobs import BUCKET, NAME, record_of, submit

from pytest_synebench.emulator import Emulator
from pytest_synebench.errors import BackendError, UsageError
from pytest_synebench.experiment.remote.tuning.attached import find


def test_the_name_of_any_job_finds_a_submission(
    sagemaker_emulator: Emulator, tmp_path: Path
) -> None:
    record = record_of(toy_plan(tmp_path))
    submit(sagemaker_emulator, record)
    for name in (NAME, f"{NAME}-2", f"{NAME}-17"):
        found = find(name)
        assert found.record == record
        assert (found.bucket, found.place) == (BUCKET, f"hpo/remote/{NAME}/")
        assert found.source().log.read_on() == []


def test_what_cannot_be_found_is_one_error(sagemaker_emulator: Emulator, tmp_path: Path) -> None:
    submit(sagemaker_emulator, record_of(toy_plan(tmp_path)))
    with pytest.raises(UsageError, match="no job is called 'nope'"):
        find("nope")
    key = f"hpo/remote/{NAME}/experiment.json"
    sagemaker_emulator.client("s3").delete_object(Bucket=BUCKET, Key=key)
    with pytest.raises(UsageError, match=f"what was submitted as {NAME} is not at s3://team/"):
        find(NAME)
    sagemaker_emulator.faults({"kind": "throttle", "operation": "DescribeTrainingJob"})
    with pytest.raises(BackendError, match=f"SageMaker does not say what {NAME} is: .*try again"):
        find(NAME)


def test_without_credentials_one_is_told_to_follow_it_again(
    sagemaker_emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(
        BackendError, match=f"then follow it again: pytest --synebench-attach {NAME}"
    ):
        find(NAME)
