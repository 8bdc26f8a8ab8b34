from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from training_jobs import prepare
from training_jobs import request as runnable

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from pytest_synebench.backends.sagemaker import port
from pytest_synebench.backends.sagemaker.port import (
    BotoTrainingJobs,
    NotNowError,
    RefusedError,
    Why,
    new_client,
)
from pytest_synebench.backends.sagemaker.statuses import Seen, Standing, after
from pytest_synebench.emulator import Emulator
from pytest_synebench.errors import BackendError

LONG: dict[str, Any] = {"epochs": 10**6, "epoch_s": 0.01}


@pytest.fixture
def jobs(sagemaker_emulator: Emulator) -> BotoTrainingJobs:
    prepare(sagemaker_emulator)
    return BotoTrainingJobs(new_client())


def test_creating_again_is_success_even_if_the_first_answer_was_lost(
    jobs: BotoTrainingJobs, sagemaker_emulator: Emulator
) -> None:
    sagemaker_emulator.faults({"kind": "drop after", "operation": "CreateTrainingJob"})
    with pytest.raises(NotNowError) as caught:
        jobs.create(runnable("a"))
    assert caught.value.why is Why.UNREACHABLE
    jobs.create(runnable("a"))
    jobs.create(runnable("a"))
    assert [one["TrainingJobName"] for one in jobs.named("a")] == ["a"]


def test_a_name_that_is_anothers_is_refused(jobs: BotoTrainingJobs) -> None:
    jobs.create(runnable("a"))
    other = runnable("a")
    other["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://team/other/"
    with pytest.raises(RefusedError, match="a is the name of a job that is not ours"):
        jobs.create(other)


def test_what_may_pass_is_told_apart_from_what_never_will(
    jobs: BotoTrainingJobs, sagemaker_emulator: Emulator
) -> None:
    sagemaker_emulator.quota("ml.m5.large", 0)
    sagemaker_emulator.faults(
        {"kind": "throttle", "operation": "CreateTrainingJob"},
        {"kind": "unavailable", "operation": "CreateTrainingJob"},
    )
    for why in (Why.THROTTLED, Why.UNREACHABLE, Why.NO_INSTANCE):
        with pytest.raises(NotNowError) as caught:
            jobs.create(runnable("a"))
        assert caught.value.why is why
    with pytest.raises(RefusedError, match="ValidationException: 1 validation error"):
        jobs.create(runnable("a_b"))
    stranger = BotoTrainingJobs(sagemaker_emulator.client("sagemaker", aws_access_key_id="x"))
    with pytest.raises(BackendError, match=r"UnrecognizedClientException.*renew the credentials"):
        stranger.create(runnable("a"))


def test_a_service_that_does_not_answer_may_do_so_later(
    monkeypatch: pytest.MonkeyPatch, sagemaker_emulator: Emulator
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(NotNowError) as caught:
        BotoTrainingJobs(new_client()).create(runnable("a"))
    assert caught.value.why is Why.UNREACHABLE


def test_without_credentials_the_way_to_them_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sagemaker_emulator: Emulator
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(BackendError, match="Unable to locate credentials; set up credentials"):
        BotoTrainingJobs(new_client()).stop("a")


def test_a_profile_that_is_not_there_is_told_with_the_way_to_those_that_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(BackendError, match=r"\(nobody\).*; set AWS_PROFILE to one that `aws conf"):
        new_client()


def test_stopping_may_be_repeated(jobs: BotoTrainingJobs, sagemaker_emulator: Emulator) -> None:
    jobs.stop("never-was")
    jobs.create(runnable("a", **LONG))
    sagemaker_emulator.wait_for_line("a", "epoch=1 ")
    for _ in range(2):
        jobs.stop("a")
    sagemaker_emulator.wait("a", "Stopped")
    jobs.stop("a")


def test_a_job_is_described_and_seen_to_end(
    jobs: BotoTrainingJobs, sagemaker_emulator: Emulator
) -> None:
    assert jobs.describe("a") is None
    jobs.create(runnable("a"))
    sagemaker_emulator.wait("a", "Completed")
    told = jobs.describe("a")
    assert told is not None
    assert after(Seen(), told).ok
    sagemaker_emulator.faults({"kind": "stale", "operation": "DescribeTrainingJob"})
    stale = jobs.describe("a")
    assert stale is not None
    assert after(after(Seen(), told), stale).standing is Standing.ENDED


def test_a_run_lists_its_own_jobs_only_page_by_page(
    jobs: BotoTrainingJobs, sagemaker_emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port, "PAGE", 2)
    sagemaker_emulator.client("s3").delete_object(Bucket="team", Key="code/train.py")
    mine = [f"run-a-{number}" for number in range(5)]  # they fail: nothing to download
    for name in [*mine, "other-run-a-1"]:
        jobs.create(runnable(name))
    assert sorted(one["TrainingJobName"] for one in jobs.named("run-a-")) == mine
    assert list(jobs.named("run-a-", modified_after_s=sagemaker_emulator.now_s() + 1)) == []
