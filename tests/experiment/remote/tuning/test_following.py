"""A run that a job carries out is followed: here a local run stands for what the job does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from toy_plan import toy_plan
from tuner_jobs import NAME, log_of, record_of, submit

from pytest_synebench.blackboxes.synthetic import Synthetic
from pytest_synebench.emulator import Emulator
from pytest_synebench.errors import RunError, UsageError
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.remote.tuning.attached import find
from pytest_synebench.experiment.remote.tuning.following import SUMMARY, Followed
from pytest_synebench.experiment.remote.tuning.mirror import Mirror
from pytest_synebench.experiment.run import Run
from pytest_synebench.experiment.store.summary import lines

FAMILY = Synthetic(last_level=9, rank_correlation=0.7)
FIELDS = {
    "config_space": {**FAMILY.config_space, "epochs": 9},
    "elapsed_time_attr": "seconds",
    "blackbox": FAMILY.table(20),
}


def plan_in(folder: Path, **params: Any) -> Plan:
    folder.mkdir(exist_ok=True)
    chosen: dict[str, Any] = {
        "backend": "simulated",
        "num_trials": 6,
        "scheduler": "asha_promotion",
    } | params
    return toy_plan(folder, fields=FIELDS, **chosen)


class Job:
    """What the program in a job does, done here."""

    def __init__(self, emulator: Emulator, plan: Plan, storage: Path) -> None:
        self._plan, self._storage = plan, storage
        self.directory = storage / "runs" / record_of(plan).run
        self.mirror = Mirror(log_of(emulator), self.directory)
        self.mirror.restore()

    def work(self) -> Run:
        run = Run.open(self._plan, root=self._storage, resume=True)
        while not run.done:
            run.pump(0.2)
        run.close()
        return run

    def end(self, run: Run) -> None:
        told = json.dumps(run.summary().plain()).encode()
        self.mirror.finish(over=True, more={SUMMARY: told})


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return plan_in(tmp_path)


@pytest.fixture
def job(sagemaker_emulator: Emulator, plan: Plan, tmp_path: Path) -> Job:
    submit(sagemaker_emulator, record_of(plan))
    return Job(sagemaker_emulator, plan, tmp_path / "there")


def followed(plan: Plan, folder: Path) -> Followed:
    return Followed(plan, folder, find(NAME).source())


def to_the_end(run: Followed) -> Followed:
    while not run.done:
        run.pump(0.2)
    run.close()
    return run


def test_when_a_run_is_over_its_files_and_its_summary_are_here(
    job: Job, plan: Plan, tmp_path: Path
) -> None:
    there = job.work()
    job.end(there)
    here = to_the_end(followed(plan, tmp_path / "here"))
    for name in ("journal.jsonl", "results.csv.gz", "metadata.json", "timings.jsonl"):
        mine, theirs = here.directory / name, there.directory / name
        assert mine.exists() == theirs.exists()
        assert not mine.exists() or mine.read_bytes() == theirs.read_bytes()
    assert (here.finished, here.reason, here.ended) == (True, there.reason, there.ended)
    assert here.trials == there.trials
    told = [line for line in lines(there.summary().plain()) if "files:" not in line]
    shown = [line for line in lines(here.summary().plain()) if "files:" not in line]
    assert shown == [*told, f"  note: carried out by the job {NAME}"]
    again = to_the_end(followed(plan, tmp_path / "again"))
    assert again.trials == there.trials


def test_trials_are_told_while_the_run_goes_on(job: Job, plan: Plan, tmp_path: Path) -> None:
    here = followed(plan, tmp_path / "here")
    here.look()
    assert here.status() == f"{NAME} is placed"
    assert not here.trials
    there = job.work()
    whole = (job.directory / "journal.jsonl").read_bytes()
    cut = whole.find(b"\n", len(whole) // 2) + 1
    (job.directory / "journal.jsonl").write_bytes(whole[:cut] + b"half a line")
    job.mirror.flush()
    here.look()
    assert here.trials
    assert not here.done
    assert "ended" in here.status()
    (job.directory / "journal.jsonl").write_bytes(whole)
    job.end(there)
    assert to_the_end(here).trials == there.trials


def test_to_leave_ends_nothing_and_says_so(
    job: Job, plan: Plan, tmp_path: Path, sagemaker_emulator: Emulator
) -> None:
    here = followed(plan, tmp_path / "here")
    here.look()
    here.close()
    assert here.reason == f"left: the job {NAME} goes on without being followed"
    assert not here.finished
    assert sagemaker_emulator.wait(NAME, "Training")["TrainingJobStatus"] == "InProgress"
    job.end(job.work())
    assert to_the_end(followed(plan, tmp_path / "here")).finished


def test_a_job_that_ended_before_it_had_a_run_is_told_with_its_reason(
    job: Job, plan: Plan, tmp_path: Path, sagemaker_emulator: Emulator
) -> None:
    sagemaker_emulator.kill(NAME)
    sagemaker_emulator.wait(NAME, "Failed")
    with pytest.raises(RunError, match=f"{NAME} has ended before its run: .*exit code: 137.*Cloud"):
        to_the_end(followed(plan, tmp_path / "here"))


def test_a_run_whose_job_was_lost_is_unfinished_and_another_job_goes_on(
    job: Job, plan: Plan, tmp_path: Path, sagemaker_emulator: Emulator
) -> None:
    there = job.work()
    whole = (job.directory / "journal.jsonl").read_bytes()
    cut = whole.find(b"\n", len(whole) // 2) + 1
    (job.directory / "journal.jsonl").write_bytes(whole[:cut])
    job.mirror.flush()
    sagemaker_emulator.kill(NAME)
    sagemaker_emulator.wait(NAME, "Failed")
    here = to_the_end(followed(plan, tmp_path / "here"))
    assert not here.finished
    assert "has ended before its run: AlgorithmError: , exit code: 137" in here.reason

    again = followed(plan, tmp_path / "here")
    again.go_on()
    assert not again.done
    assert f"{NAME}-2 goes on where the job before it has ended" in again.remarks
    second = Job(sagemaker_emulator, plan, tmp_path / "second")
    second.end(second.work())
    to_the_end(again)
    assert again.finished
    assert {t.id: t.reports for t in again.trials.values()} == {
        t.id: t.reports for t in there.trials.values()
    }
    once_more = followed(plan, tmp_path / "here")
    once_more.go_on()
    assert once_more.finished
    assert any("this run had finished" in remark for remark in once_more.remarks)


def test_a_job_that_runs_is_followed_where_one_was_to_go_on(
    job: Job, plan: Plan, tmp_path: Path, sagemaker_emulator: Emulator
) -> None:
    here = followed(plan, tmp_path / "here")
    here.go_on()
    assert here.remarks == [f"{NAME} has not ended: it is followed"]
    names = sagemaker_emulator.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
    assert [one["TrainingJobName"] for one in names] == [NAME]


def test_another_experiment_is_refused_and_another_script_is_said(
    job: Job, plan: Plan, tmp_path: Path
) -> None:
    job.end(job.work())
    plan.definition.script.write_text("print('changed since')\n")
    here = to_the_end(followed(plan, tmp_path / "here"))
    assert here.finished
    assert "the script, or what it imports, is not here as the job has it" in here.remarks
    other = plan_in(tmp_path, grace_period=3)
    with pytest.raises(UsageError, match="grace_period: 1 then, 3 now"):
        followed(other, tmp_path / "other").look()


def test_a_service_that_is_busy_is_asked_later(
    job: Job, plan: Plan, tmp_path: Path, sagemaker_emulator: Emulator
) -> None:
    job.end(job.work())
    here = followed(plan, tmp_path / "here")
    sagemaker_emulator.faults({"kind": "throttle", "operation": "DescribeTrainingJob", "times": 3})
    here.look()
    assert not here.done
    assert to_the_end(here).finished
