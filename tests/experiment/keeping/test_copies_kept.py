"""Copies of trials have checkpoints of their own in the archive, and no byte is sent for them."""

from __future__ import annotations

import json
import selectors
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from kept_runs import finish, kept_places, plan_in
from wiping import finish_wiping, wipe_paused

from pytest_synebench.backends.protocol import AttemptKey, AttemptSaved, AttemptSpec, Observation
from pytest_synebench.checkpoints.folder import FolderArchive
from pytest_synebench.checkpoints.local import LocalStore
from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.errors import CheckpointError
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.experiment.keeping import backend
from pytest_synebench.experiment.keeping.collecting import Claim
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.experiment.keeping.retention import ALL, Retention
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.run import Run
from pytest_synebench.testing.checkpoint_store_suite import make_checkpoint
from pytest_synebench.trial import CheckpointRef, TrialId, TrialState

#: A trial's state is a chain: every level adds its own trial's x.
SCRIPT = """
import argparse, json, os

from pytest_synebench.training import (
    Reporter,
    add_checkpointing_to_argparse,
    checkpoint_model_at_rung_level,
    resume_from_checkpointed_model,
)


def load(path):
    with open(os.path.join(path, "state.json")) as file:
        state.update(json.load(file))
    return state["epoch"]


def save(path, epoch):
    state["epoch"] = epoch
    with open(os.path.join(path, "state.json"), "w") as file:
        json.dump(state, file)


parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float, required=True)
parser.add_argument("--epochs", type=int, required=True)
parser.add_argument("--work", type=int, default=0)
add_checkpointing_to_argparse(parser)
args = parser.parse_args()
state = {"chain": []}
report = Reporter()
start = resume_from_checkpointed_model(vars(args), load)
for epoch in range(start + 1, args.epochs + 1):
    state["chain"].append(args.x)
    checkpoint_model_at_rung_level(vars(args), save, epoch)
    report(epoch=epoch, loss=sum(state["chain"]) / epoch, chain=json.dumps(state["chain"]))
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return plan_in(
        tmp_path,
        SCRIPT,
        scheduler="pbt",
        perturbation_interval=2,
        population_size=4,
        quantile_fraction=0.25,
        num_trials=8,
        checkpoint_retention="all",
    )


def copies(run: Run) -> dict[TrialId, CheckpointRef]:
    return {t.id: t.checkpoint for t in run.trials.values() if t.checkpoint is not None}


def assert_chains_are_whole(run: Run) -> None:
    chains = {
        (t.id, r.resource): json.loads(str(r.metrics["chain"]))
        for t in run.trials.values()
        for r in t.reports
    }
    for trial in run.trials.values():
        ref = trial.checkpoint
        before = chains[ref.trial_id, ref.level] if ref else []
        for n, report in enumerate(trial.reports, 1):
            assert report.resource == len(before) + n
            assert chains[trial.id, report.resource] == before + [trial.config["x"]] * n


def test_a_copy_is_in_the_archive_before_it_begins_and_its_files_are_the_others(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Place] = []
    keep = FolderArchive.keep

    def counted(self: FolderArchive, checkpoint: Path, place: Place) -> CheckpointRef:
        sent.append(place)
        return keep(self, checkpoint, place)

    monkeypatch.setattr(FolderArchive, "keep", counted)
    run = finish(Run.open(plan, root=tmp_path / "s"))
    assert copies(run)
    assert_chains_are_whole(run)
    (folder,) = (tmp_path / "archive").glob("*/*/*")
    for trial_id, parent in copies(run).items():
        place = Place(trial_id, 0, parent.level)
        assert place in kept_places(tmp_path)
        assert place not in sent
        mine, its = (
            folder
            / f"{one.trial_id:08d}"
            / f"{one.attempt:06d}"
            / f"{one.level:08d}"
            / "state.json"
            for one in (place, _kept_of(tmp_path, parent))
        )
        assert mine.samefile(its)


class Inner:
    """Runs nothing, and tells what it is told to; waits by a selector."""

    def __init__(self) -> None:
        self.selector: selectors.BaseSelector = selectors.DefaultSelector()
        self.started: list[AttemptKey] = []
        self.told: list[Observation] = []

    def tell(self, observation: Observation) -> None:
        self.told.append(observation)

    def start(self, spec: AttemptSpec) -> None:
        self.started.append(spec.key)

    def stop(self, key: AttemptKey) -> None:
        raise AssertionError("nobody is stopped")

    def poll(self, timeout_s: float) -> list[Observation]:
        if not self.told:
            self.selector.select(timeout_s)
        told, self.told = self.told, []
        return told

    def close(self) -> None:
        self.selector.close()


class Slow(FolderArchive):
    """Keeps what trial 1 saved once it may, and notes what it keeps."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.may_keep = threading.Event()
        self.sent: list[Place] = []

    def keep(self, checkpoint: Path, place: Place) -> CheckpointRef:
        self.sent.append(place)
        assert place.trial_id != 1 or self.may_keep.wait(20.0)
        return super().keep(checkpoint, place)


def test_a_copy_of_what_is_on_its_way_waits_for_it_and_nothing_is_sent_twice(
    tmp_path: Path,
) -> None:
    trials = tmp_path / "trials"
    make_checkpoint(trials / "1" / "checkpoints", Place(TrialId(1), 0, 3))
    parent = LocalStore().adopt(
        trials / "1" / "checkpoints", trials / "2" / "checkpoints", 3, TrialId(2)
    )
    assert parent is not None
    inner, archive = Inner(), Slow(tmp_path / "archive")
    archive.claim("me")
    keeping = backend.KeepingBackend(
        inner,
        inner,
        archive,
        Ledger(tmp_path),
        retention=Retention(TrialTable(), ALL),
        trials=trials,
        claim=Claim(who="me"),
        remark=pytest.fail,
    )
    saved, copy = AttemptKey(TrialId(1), 0), AttemptKey(TrialId(2), 0)
    inner.told.append(AttemptSaved(key=saved, level=3))
    keeping.poll(0.0)  # the thread that keeps it waits
    keeping.start(
        AttemptSpec(
            key=copy,
            config={},
            seed=0,
            directory=trials / "2",
            resource_attr="epoch",
            until=None,
            resume_at_most=3,
            checkpoint_at=(),
            copied_from=parent,
        )
    )
    archive.may_keep.set()
    while copy not in inner.started:
        keeping.poll(20.0)
    keeping.close()
    assert archive.sent == [Place(TrialId(1), 0, 3)]
    assert archive.find(TrialId(2)) == [Place(TrialId(2), 0, 3)]


def _kept_of(tmp_path: Path, ref: CheckpointRef) -> Place:
    found = [p for p in kept_places(tmp_path) if (p.trial_id, p.level) == (ref.trial_id, ref.level)]
    return max(found, key=lambda place: place.age)


def test_a_population_that_loses_its_disk_whenever_it_pauses_goes_on_copies_included(
    tmp_path: Path, plan: Plan
) -> None:
    run = Run.open(plan, root=tmp_path / "s")
    seen = finish_wiping(run)
    assert run.finished
    assert seen.times
    assert copies(run)
    assert all(not t.repeated for t in run.trials.values())
    assert run.remarks == []
    assert_chains_are_whole(run)


def test_no_two_bring_back_a_trials_checkpoints_at_once(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding: set[int] = set()
    alone: list[bool] = []
    restore = FolderArchive.restore

    class Held:
        def __init__(self) -> None:
            self._lock = threading.Lock()

        def __enter__(self) -> None:
            self._lock.acquire()
            holding.add(threading.get_ident())

        def __exit__(self, *exc: object) -> None:
            holding.remove(threading.get_ident())
            self._lock.release()

    def watched(self: FolderArchive, *place: Any) -> CheckpointRef:
        alone.append(threading.get_ident() in holding)
        return restore(self, *place)

    monkeypatch.setattr(backend, "Lock", Held)
    monkeypatch.setattr(FolderArchive, "restore", watched)
    run = Run.open(plan, root=tmp_path / "s")
    while not wipe_paused(run):
        run.pump(10.0)
    paused = next(
        t
        for t in run.trials.values()
        if t.state is TrialState.PAUSED
        and not (run.launch.trial_directory(t.id) / "checkpoints").exists()
    )
    assert run.launch.fetch is not None
    run.launch.fetch(paused.id, paused.level)
    assert alone == [True], "asked by the controller"
    finish_wiping(run)
    assert len(alone) > 1
    assert all(alone), "asked by a thread of its own"


def test_a_machine_that_is_lost_while_a_copy_runs_loses_nothing_of_it(
    tmp_path: Path, plan: Plan
) -> None:
    run = Run.open(plan, root=tmp_path / "s")
    while not any(
        t.checkpoint and t.state is TrialState.RUNNING and t.beginnings for t in run.trials.values()
    ):
        assert not run.done, "no copy was seen"
        run.pump(10.0)
    run.interrupt("the machine is lost")
    shutil.rmtree(run.directory / "trials")
    (run.directory / "trials").mkdir()
    again = finish(Run.open(plan, root=tmp_path / "s", resume=True, audit=True))
    assert again.finished
    assert_chains_are_whole(again)
    assert all(t.beginnings[max(t.beginnings)][0] for t in again.trials.values() if t.checkpoint)


def test_what_the_archive_does_not_have_of_the_other_one_is_sent(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy(self: FolderArchive, source: Place, target: Place, sha256: str) -> CheckpointRef:
        raise CheckpointError("there is no such checkpoint")

    monkeypatch.setattr(FolderArchive, "copy", copy)
    run = finish(Run.open(plan, root=tmp_path / "s"))
    assert copies(run)
    for trial_id, parent in copies(run).items():
        assert Place(trial_id, 0, parent.level) in kept_places(tmp_path)


def test_a_copy_that_could_not_load_what_it_was_to_begin_from_keeps_its_own_history_alone(
    tmp_path: Path, plan: Plan
) -> None:
    refusing = SCRIPT.replace(
        '    with open(os.path.join(path, "state.json")) as file:\n        state.update',
        '    with open(os.path.join(path, "state.json")) as file:\n'
        "        if args.x != json.load(file)['chain'][-1]:\n"
        "            raise ValueError('another one\\'s')\n"
        "        file.seek(0)\n        state.update",
    )
    assert refusing != SCRIPT
    plan.definition.script.write_text(refusing)
    run = finish(Run.open(plan, root=tmp_path / "s"))
    assert copies(run)
    assert run.table.failed == 0
    for trial in run.trials.values():
        if trial.checkpoint is not None:
            assert "another one's" in " ".join(trial.remarks)
            x = trial.config["x"]
            for report in trial.reports:
                assert json.loads(str(report.metrics["chain"])) == [x] * report.resource
    assert not any("is not kept" in remark for remark in run.remarks)
    lines = (run.directory / "checkpoints.jsonl").read_text().splitlines()
    ledger = [json.loads(line[9:]) for line in lines]
    gone = {(one["trial"], one["attempt"], one["level"]) for one in ledger if "removed" in one}
    assert gone == {(trial_id, 0, parent.level) for trial_id, parent in copies(run).items()}
