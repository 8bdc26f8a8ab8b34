"""Runs that keep their checkpoints in an archive, with real processes of a torch-free script."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from toy_project import SCRIPT
from wiping import finish_wiping

from pytest_synebench.checkpoints.folder import FolderArchive
from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.definition import Benchmark
from pytest_synebench.errors import BackendError, CheckpointError, StoreError, UsageError
from pytest_synebench.experiment.plan.parameter_table import GLOBALS, resolve
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.run import Run
from pytest_synebench.space import uniform
from pytest_synebench.trial import CheckpointRef, TrialId, TrialState


def plan_in(folder: Path, **params: Any) -> Plan:
    script = folder / "train.py"
    script.write_text(SCRIPT)
    definition = Benchmark(
        script=script,
        config_space={"x": uniform(0, 1), "epochs": 9, "work": 0},
        metric="loss",
        resource_attr="epoch",
        max_resource_attr="epochs",
    )
    mine = {
        "scheduler": "asha_promotion",
        "num_workers": 2,
        "num_trials": 9,
        "oversubscribe": True,
        "checkpoint_store": str(folder / "archive"),
        **params,
    }
    return Plan(
        benchmark="toy",
        variant="v",
        params=resolve(GLOBALS, [("user", mine)], "toy"),
        definition=definition,
    )


def finish(run: Run) -> Run:
    while not run.done:
        run.pump(10.0)
    run.close()
    return run


def assert_curves_are_whole(run: Run) -> None:
    """Every loss follows from the one before: a trial that began anew would differ."""
    for trial in run.trials.values():
        x = float(trial.config["x"])  # type: ignore[arg-type] # the space says uniform
        loss = 10.0 + x
        assert [r.resource for r in trial.reports] == list(range(1, trial.level + 1))
        for report in trial.reports:
            loss *= 0.5 + x / 4
            assert report.loss == loss


def places(folder: Path) -> Counter[int]:
    """Return how many checkpoints of each level are in the archive."""
    found = (folder / "archive").glob("*/*/*/*/*/*/manifest.json")
    return Counter(int(path.parent.name) for path in found)


@pytest.mark.parametrize("deterministic", [False, True])
def test_trials_that_lose_their_disk_whenever_they_pause_go_on_from_the_archive(
    tmp_path: Path, deterministic: bool
) -> None:
    plan = plan_in(tmp_path, deterministic=deterministic, checkpoint_retention="all")
    run = Run.open(plan, root=tmp_path / "s")
    seen = finish_wiping(run)
    assert run.finished
    assert seen.times >= 4, "some go on at once, and are never seen to rest"
    resumed = [trial for trial in run.trials.values() if trial.resumed]
    assert len(resumed) >= 3
    assert all(trial.saved and not trial.repeated for trial in resumed)
    assert_curves_are_whole(run)
    assert run.remarks == []
    assert any("(kept 1)" in status for status in seen.statuses)
    assert run.summary().kept.startswith("#0@")
    # One per level that a trial came to, and nothing else.
    levels = Counter(r.resource for t in run.trials.values() for r in t.reports)
    assert places(tmp_path) == {level: levels[level] for level in (1, 3, 9) if levels[level]}
    assert not list(run.directory.glob("trials/*/outbox"))


def test_two_runs_of_one_plan_never_meet(tmp_path: Path) -> None:
    for _ in range(2):
        finish(Run.open(plan_in(tmp_path, num_trials=2), root=tmp_path / "s"))
    runs = {path.parts[-4] for path in (tmp_path / "archive").glob("*/*/*/*/*/*")}
    assert len(runs) == 2


def test_a_killed_run_goes_on_on_a_machine_that_has_no_trials(tmp_path: Path) -> None:
    first = Run.open(plan_in(tmp_path), root=tmp_path / "s")
    while sum(trial.state is TrialState.PAUSED for trial in first.trials.values()) < 4:
        first.pump(10.0)
    first.interrupt("the machine is lost")
    paused = {t.id: t.level for t in first.trials.values() if t.state is TrialState.PAUSED}
    shutil.rmtree(first.directory / "trials")
    (first.directory / "trials").mkdir()

    second = finish(Run.open(plan_in(tmp_path), root=tmp_path / "s", resume=True, audit=True))
    assert second.finished
    went_on = [second.trials[trial_id] for trial_id in paused if second.trials[trial_id].resumed]
    assert went_on
    assert all(trial.saved for trial in went_on)
    assert_curves_are_whole(second)


def test_a_copy_that_was_done_but_not_noted_is_found(tmp_path: Path) -> None:
    first = Run.open(plan_in(tmp_path), root=tmp_path / "s")
    while sum(trial.state is TrialState.PAUSED for trial in first.trials.values()) < 4:
        first.pump(10.0)
    first.interrupt("killed before a line was written")
    (first.directory / "checkpoints.jsonl").unlink()
    shutil.rmtree(first.directory / "trials")
    (first.directory / "trials").mkdir()

    second = finish(Run.open(plan_in(tmp_path), root=tmp_path / "s", resume=True))
    assert second.finished
    assert sum(trial.repeated for trial in second.trials.values()) <= 2  # the two that ran
    assert_curves_are_whole(second)


def test_what_a_dead_controller_did_not_copy_is_copied_by_the_next(tmp_path: Path) -> None:
    first = Run.open(plan_in(tmp_path), root=tmp_path / "s")
    while sum(trial.state is TrialState.PAUSED for trial in first.trials.values()) < 4:
        first.pump(10.0)
    first.interrupt("killed before anything was copied")
    (first.directory / "checkpoints.jsonl").unlink()
    shutil.rmtree(tmp_path / "archive")
    (first.directory / "trials/0/outbox/0-1").mkdir(parents=True)

    second = Run.open(plan_in(tmp_path), root=tmp_path / "s", resume=True)
    finish(second)
    ledger = (second.directory / "checkpoints.jsonl").read_text()
    noted = {json.loads(line[9:])["trial"] for line in ledger.splitlines()}
    assert noted == set(range(9))
    assert not list(second.directory.glob("trials/*/outbox"))


# -- an archive that does not do its part --------------------------------------------------------


class Reluctant(FolderArchive):
    """Does what it is told in place of keeping."""

    error: Exception | None = None
    gate = Event()

    def keep(self, checkpoint: Path, place: Place) -> CheckpointRef:
        self.gate.wait(20.0)
        if self.error is not None and place.trial_id == 1:
            raise self.error
        return super().keep(checkpoint, place)


@pytest.fixture
def reluctant(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Reluctant]]:
    monkeypatch.setattr("pytest_synebench.experiment.keeping.opening.FolderArchive", Reluctant)
    monkeypatch.setattr(Reluctant, "error", None)
    gate = Event()
    monkeypatch.setattr(Reluctant, "gate", gate)
    yield Reluctant
    gate.set()  # a thread that waits would keep the interpreter from ending


def test_a_pause_does_not_count_before_its_checkpoint_is_kept_and_its_slot_is_free(
    tmp_path: Path, reluctant: type[Reluctant]
) -> None:
    run = Run.open(plan_in(tmp_path, num_trials=4), root=tmp_path / "s")
    # All four come to level 1 although no checkpoint is kept: two slots, and nobody waits.
    while len(run.trials) < 4 or any(not trial.level for trial in run.trials.values()):
        assert not run.done, run.reason
        run.pump(10.0)
    assert run._tuner is not None
    assert set(run._tuner.live) == {0, 1, 2, 3}, "an end counted"
    reluctant.gate.set()
    finish(run)
    assert run.finished
    assert_curves_are_whole(run)


def test_a_checkpoint_that_cannot_be_kept_makes_its_pause_count_for_nothing(
    tmp_path: Path, reluctant: type[Reluctant]
) -> None:
    reluctant.gate.set()
    reluctant.error = CheckpointError("another checkpoint is kept there")
    run = finish(Run.open(plan_in(tmp_path, max_retries=0, num_trials=3), root=tmp_path / "s"))
    trial = run.trials[TrialId(1)]
    assert trial.state is TrialState.FAILED
    assert trial.reason == (
        "paused at level 1, but its checkpoint of level 1 is not in the checkpoint_store"
    )
    assert any("is not kept: another checkpoint is kept there" in r for r in run.remarks)


def test_an_archive_that_is_gone_breaks_the_run_off_and_fails_no_trial(
    tmp_path: Path, reluctant: type[Reluctant]
) -> None:
    reluctant.gate.set()
    reluctant.error = StoreError("the credentials have expired")
    run = Run.open(plan_in(tmp_path), root=tmp_path / "s")
    with pytest.raises(BackendError, match="checkpoint_store cannot be used: the credentials"):
        finish(run)
    run.close()
    assert not run.finished
    assert run.table.failed == 0

    reluctant.error = None
    again = finish(Run.open(plan_in(tmp_path), root=tmp_path / "s", resume=True, audit=True))
    assert again.finished
    assert again.table.failed == 0
    assert_curves_are_whole(again)


def test_a_run_that_is_interrupted_while_the_archive_hangs_ends(
    tmp_path: Path, reluctant: type[Reluctant]
) -> None:
    def close(self: Reluctant) -> None:
        self.gate.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reluctant, "close", close)
        patch.setattr("pytest_synebench.experiment.run._FORCE_S", 0.1)
        run = Run.open(plan_in(tmp_path, stop_grace=0.0), root=tmp_path / "s")
        while not run.table.units:
            run.pump(10.0)
        run.close()
    assert run.done
    assert not run.finished


# -- what is refused before the first trial ------------------------------------------------------


@pytest.mark.parametrize("url", ["gs://bucket/x", "http://x", "s3:/b", "S3:b", "", " "])
def test_a_store_of_another_kind_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="known: s3://BUCKET/PREFIX, or the path of a folder"):
        Run.open(plan_in(tmp_path, checkpoint_store=url), root=tmp_path / "s")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "archive").touch()
    with pytest.raises(BackendError, match="make it writable, or name another folder"):
        Run.open(plan_in(tmp_path), root=tmp_path / "s")


def test_without_boto3_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "boto3", None)
    plan = plan_in(tmp_path, checkpoint_store="s3://bucket/x")
    with pytest.raises(BackendError, match=r"pip install 'pytest-synebench\[aws\]'"):
        Run.open(plan, root=tmp_path / "s")


def test_a_scheduler_that_pauses_nobody_keeps_nothing_and_says_so(tmp_path: Path) -> None:
    plan = plan_in(tmp_path, scheduler="fifo", num_trials=1)
    run = finish(Run.open(plan, root=tmp_path / "s"))
    assert run.finished
    assert not (tmp_path / "archive").exists()
    assert any("--checkpointing on has them saved" in remark for remark in run.remarks)
