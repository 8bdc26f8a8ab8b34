"""The jobs of one submission."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from toy_plan import toy_plan
from tuner_jobs import NAME, record_of, submit, waiting

from pytest_synebench.backends.sagemaker.statuses import Standing
from pytest_synebench.emulator import Emulator
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.remote.tuning.lives import Lives, record_url


def test_whoever_has_a_run_go_on_there_is_one_job_of_each_number(
    sagemaker_emulator: Emulator, tmp_path: Path
) -> None:
    record = record_of(toy_plan(tmp_path))
    jobs = submit(sagemaker_emulator, record)
    one, other = (Lives(jobs, NAME, record.request) for _ in range(2))
    assert one.look().standing is Standing.PLACED
    sagemaker_emulator.kill(NAME)
    sagemaker_emulator.wait(NAME, "Failed")
    seen = one.look()
    assert seen.standing is Standing.ENDED
    assert "exit code: 137" in seen.detail
    assert one.job == NAME
    one.go_on()
    other.go_on()
    assert one.job == other.job == f"{NAME}-2"
    found = {summary["TrainingJobName"] for summary in jobs.named(NAME)}
    assert found == {NAME, f"{NAME}-2"}
    sagemaker_emulator.wait(f"{NAME}-2", "Training")
    third = Lives(jobs, NAME, record.request)
    assert third.look().standing is Standing.PLACED
    assert third.job == f"{NAME}-2"


def test_a_job_that_is_not_to_be_seen_yet_is_waited_for(
    sagemaker_emulator: Emulator, tmp_path: Path
) -> None:
    record = record_of(toy_plan(tmp_path))
    jobs = submit(sagemaker_emulator, record)
    assert Lives(jobs, f"{NAME}x", record.request).look().standing is Standing.WAITING


def test_a_name_that_is_no_submissions_is_refused(
    sagemaker_emulator: Emulator, tmp_path: Path
) -> None:
    jobs = submit(sagemaker_emulator, record_of(toy_plan(tmp_path)))
    assert record_url(jobs, NAME, "us-east-1").endswith(f"{NAME}/experiment.json")
    with pytest.raises(UsageError, match=r"no job is called 'toy' in this account and region \(us"):
        record_url(jobs, "toy", "us-east-1")
    with pytest.raises(UsageError, match="'a b' is no name of a job, which has at most 63"):
        record_url(jobs, "a b", "us-east-1")
    jobs.create({**waiting("other"), "Environment": {}})
    with pytest.raises(UsageError, match="'other' is a training job, and none that"):
        record_url(jobs, "other", "us-east-1")
