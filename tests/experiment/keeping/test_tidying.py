"""What leaves this machine's disk, and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_synebench.backends.protocol import (
    AttemptEnded,
    AttemptGone,
    AttemptKey,
    AttemptSaved,
    AttemptSpec,
    Observation,
)
from pytest_synebench.checkpoints import manifest
from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.events import Ended, Reported, SlotFreed, Start
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.experiment.keeping.disk_budget import DiskBudget
from pytest_synebench.experiment.keeping.retention import Retention
from pytest_synebench.experiment.keeping.tidying import TidyingBackend
from pytest_synebench.testing.checkpoint_store_suite import make_checkpoint
from pytest_synebench.trial import Report, TrialId, TrialState

COMPLETED = TrialState.COMPLETED


class Inner:
    """Runs nothing, and tells what it is told to."""

    def __init__(self) -> None:
        self.started: list[AttemptKey] = []
        self.stopped: list[AttemptKey] = []
        self.told: list[Observation] = []

    def start(self, spec: AttemptSpec) -> None:
        self.started.append(spec.key)

    def stop(self, key: AttemptKey) -> None:
        self.stopped.append(key)

    def poll(self, timeout_s: float) -> list[Observation]:
        told, self.told = self.told, []
        return told

    def close(self) -> None:
        pass


class Run:
    """Two trials with checkpoints; trial 1 has the best report until another one does."""

    def __init__(self, folder: Path, limit_bytes: int | None = None) -> None:
        self.trials = folder / "trials"
        self.table = TrialTable()
        for number in (1, 2):
            trial_id = TrialId(number)
            self.table.fold(SlotFreed(at_s=0.0), (Start(trial_id=trial_id, config={}),))
            make_checkpoint(self.trials / str(number) / "checkpoints", Place(trial_id, 0, 3))
        self.remarks: list[str] = []
        self.inner = Inner()
        self.limit_bytes = limit_bytes
        self.report(1, 0.5)
        self.backend = self.controller()

    def controller(self) -> TidyingBackend:
        budget = DiskBudget(self.trials, self.table, limit_bytes=self.limit_bytes, at_once=1)
        return TidyingBackend(
            self.inner,
            retention=Retention(self.table),
            budget=budget,
            trials=self.trials,
            remark=self.remarks.append,
        )

    def report(self, number: int, loss: float) -> None:
        level = len(self.table.trials[TrialId(number)].reports) + 1
        report = Report(trial_id=TrialId(number), resource=level, loss=loss, at_s=0.0)
        self.table.fold(Reported(report=report))

    def end(self, number: int, state: TrialState = COMPLETED) -> None:
        self.table.fold(Ended(at_s=0.0, trial_id=TrialId(number), state=state))

    def spec(self, number: int) -> AttemptSpec:
        return AttemptSpec(
            key=AttemptKey(TrialId(number), 0),
            config={},
            seed=0,
            directory=self.trials / str(number),
            resource_attr="epoch",
            until=None,
            resume_at_most=0,
            checkpoint_at=(),
        )

    def left(self) -> list[int]:
        return [n for n in (1, 2) if manifest.levels(str(self.trials / str(n) / "checkpoints"))]

    def pause(self, number: int) -> None:
        """Have a trial rest at level 4, with the checkpoint of level 3 still there."""
        trial = self.table.trials[TrialId(number)]
        make_checkpoint(self.trials / str(number) / "checkpoints", Place(trial.id, 0, 4))
        while trial.level < 4:
            self.report(number, 1.0)
        trial.state = TrialState.PAUSED


def ended(number: int) -> AttemptEnded:
    return AttemptEnded(key=AttemptKey(TrialId(number), 0), ok=True, detail="")


def test_nothing_goes_while_a_process_of_the_trial_lives(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.backend.start(run.spec(2))
    run.end(2)
    run.backend.poll(0.0)
    assert run.left() == [1, 2]
    run.inner.told = [ended(2)]
    run.backend.poll(0.0)
    run.backend.poll(0.0)
    assert run.left() == [1]


def test_the_best_one_s_go_when_another_becomes_the_best(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.end(1)
    run.backend.poll(0.0)
    assert run.left() == [1, 2]
    run.report(2, 0.1)
    run.backend.poll(0.0)
    assert run.left() == [2]
    run.end(2)
    run.backend.poll(0.0)
    assert run.left() == [2]


def test_what_a_controller_that_died_did_not_remove_the_next_one_does(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.end(2)
    half = run.trials / "2/checkpoints/.part-00000001-1-gone"
    half.mkdir()
    run.controller().poll(0.0)
    assert run.left() == [1]
    assert list((run.trials / "2/checkpoints").iterdir()) == []


def test_one_that_failed_keeps_its_own(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.end(2, TrialState.FAILED)
    run.backend.poll(0.0)
    assert run.left() == [1, 2]


def test_what_cannot_be_removed_is_said_once_and_fails_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(checkpoints: str, levels: object) -> None:
        raise PermissionError(13, "Permission denied")

    run = Run(tmp_path)
    monkeypatch.setattr(manifest, "retain", refusing)
    run.end(1)
    run.end(2)
    run.backend.poll(0.0)
    run.report(2, 0.1)
    run.backend.poll(0.0)
    (remark,) = run.remarks
    assert remark.startswith("trial 2: a checkpoint in ")
    assert remark.endswith("Permission denied; it stays, and takes up space")


def test_with_a_budget_that_is_exceeded_attempts_wait_for_what_is_on_its_way(
    tmp_path: Path,
) -> None:
    run = Run(tmp_path, limit_bytes=4000)  # each has some hundred bytes
    run.backend.start(run.spec(1))
    (run.trials / "1/checkpoints/.part-large").write_bytes(bytes(5000))
    key = AttemptKey(TrialId(1), 0)
    run.inner.told = [AttemptSaved(key=key, level=3), AttemptGone(key=key)]
    run.backend.poll(0.0)
    for number in (2, 3):
        run.backend.start(run.spec(number))
    run.backend.poll(0.0)
    assert run.inner.started == [(1, 0)]
    run.backend.stop(AttemptKey(TrialId(3), 0))
    (told,) = run.backend.poll(0.0)
    assert (told.key, run.inner.stopped) == ((3, 0), [])
    assert isinstance(told, AttemptEnded)
    assert not told.ok
    run.report(2, 0.1)
    run.end(1)
    run.inner.told = [ended(1)]
    run.backend.poll(0.0)
    run.backend.poll(0.0)
    assert run.inner.started == [(1, 0), (2, 0)]


def test_a_run_that_ends_keeps_to_its_budget_too(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.pause(2)
    run.limit_bytes = sum(p.stat().st_size for p in run.trials.rglob("*") if p.is_file()) - 1
    run.controller().close()
    assert manifest.levels(str(run.trials / "2" / "checkpoints")) == [4]


def test_a_full_disk_does_not_keep_a_run_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*what: object, **more: object) -> list[str]:
        raise OSError(28, "No space left on device")

    run = Run(tmp_path)
    monkeypatch.setattr(DiskBudget, "keep_to", full)
    run.backend.close()
    assert "No space left on device" in run.remarks[0]
