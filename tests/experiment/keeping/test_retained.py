"""Runs whose checkpoints go when nobody needs them, with real processes of a torch-free script."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest
from kept_runs import finish, kept_places, plan_in
from wiping import finish_wiping

from pytest_synebench.checkpoints import manifest
from pytest_synebench.checkpoints.folder import FolderArchive
from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.errors import StoreError
from pytest_synebench.experiment.keeping import opening
from pytest_synebench.experiment.run import Run
from pytest_synebench.trial import TrialState

_OVER = (TrialState.COMPLETED, TrialState.STOPPED)


def on_disk(run: Run) -> dict[int, list[int]]:
    found = {
        trial_id: manifest.levels(str(run.launch.trial_directory(trial_id) / "checkpoints"))
        for trial_id in run.trials
    }
    return {trial_id: levels for trial_id, levels in found.items() if levels}


def needed(run: Run) -> dict[int, list[int]]:
    """Return what is needed of a run that saved at the levels 1, 3 and 9, worked out anew."""
    assert run.table.best is not None
    best, out = run.table.best, dict[int, list[int]]()
    for trial in run.trials.values():
        levels = [r.resource for r in trial.reports if r.resource in (1, 3, 9)]
        if trial.state not in _OVER or trial.id == best.trial_id:
            out[trial.id] = levels[-2:]
        if trial.id == best.trial_id:
            with_it = [level for level in levels if level >= best.resource][:1]
            out[trial.id] = sorted({*out[trial.id], *with_it})
    return out


@pytest.mark.parametrize("scheduler", ["asha_promotion", "asha_stopping"])
def test_at_the_end_there_is_what_is_needed_and_nothing_else(
    tmp_path: Path, scheduler: str
) -> None:
    plan = plan_in(tmp_path, scheduler=scheduler, checkpointing="on", num_trials=12)
    run = finish(Run.open(plan, root=tmp_path / "s"))
    assert run.finished
    assert run.remarks == []
    assert on_disk(run) == needed(run)
    assert len(needed(run)) < 12 or scheduler == "asha_promotion"
    found = defaultdict[int, list[int]](list)
    for place in sorted(kept_places(tmp_path)):
        found[place.trial_id].append(place.level)
    if scheduler == "asha_promotion":  # else the newest alone is copied where copies would queue
        assert found == needed(run)
    assert {t: max(levels) for t, levels in found.items()} == {
        t: max(levels) for t, levels in needed(run).items()
    }
    assert not list(tmp_path.glob("archive/*/*/*/.part-*"))


def test_a_run_that_keeps_all_does(tmp_path: Path) -> None:
    plan = plan_in(
        tmp_path, scheduler="asha_stopping", checkpointing="on", checkpoint_retention="all"
    )
    run = finish(Run.open(plan, root=tmp_path / "s"))
    assert {place.trial_id for place in kept_places(tmp_path)} == set(run.trials)
    assert set(on_disk(run)) == set(run.trials)


def test_without_a_store_what_is_not_needed_leaves_the_disk_too(tmp_path: Path) -> None:
    plan = plan_in(
        tmp_path, scheduler="asha_stopping", checkpointing="on", checkpoint_store="local"
    )
    run = finish(Run.open(plan, root=tmp_path / "s"))
    assert on_disk(run) == needed(run)
    assert len(on_disk(run)) < len(run.trials)


def test_trials_that_lose_their_disk_go_on_though_all_but_two_generations_are_removed(
    tmp_path: Path,
) -> None:
    run = Run.open(plan_in(tmp_path, num_trials=12), root=tmp_path / "s")
    seen = finish_wiping(run)
    assert run.finished
    assert seen.times
    assert all(not t.repeated for t in run.trials.values())
    assert {trial for trial, *_ in kept_places(tmp_path)} == set(needed(run))


def test_what_a_dead_controller_wrote_down_and_did_not_remove_the_next_one_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_in(tmp_path, scheduler="asha_stopping", checkpointing="on", num_trials=6)
    with monkeypatch.context() as patch:  # as if killed between the two
        patch.setattr(FolderArchive, "remove", lambda self, place: None)
        first = finish(Run.open(plan, root=tmp_path / "s"))
    (folder,) = (tmp_path / "archive").glob("*/*/*")
    (folder / ".part-half").mkdir()
    ledger = [
        json.loads(line[9:])
        for line in (first.directory / "checkpoints.jsonl").read_text().splitlines()
    ]
    assert {place.trial_id for place in kept_places(tmp_path)} > set(needed(first))
    assert any("removed" in line for line in ledger)

    more = plan_in(tmp_path, scheduler="asha_stopping", checkpointing="on", num_trials=7)
    second = finish(Run.open(more, root=tmp_path / "s", resume=True))
    assert second.directory == first.directory
    assert {place.trial_id for place in kept_places(tmp_path)} == set(needed(second))
    assert not (folder / ".part-half").exists()


def test_a_controller_that_was_followed_elsewhere_removes_nothing_and_says_so(
    tmp_path: Path,
) -> None:
    run = Run.open(
        plan_in(tmp_path, scheduler="asha_stopping", checkpointing="on"), root=tmp_path / "s"
    )
    FolderArchive(_folder(tmp_path)).claim("another machine:/copy#1")
    finish(run)
    assert any("another controller keeps checkpoints of this run there" in r for r in run.remarks)
    assert {place.trial_id for place in kept_places(tmp_path)} == set(run.trials)


def test_what_a_controller_elsewhere_may_be_about_to_refer_to_stays_for_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graces: list[float] = []

    def collect(self: FolderArchive, known: object = (), grace_s: float = 0.0) -> None:
        graces.append(grace_s)

    monkeypatch.setattr(FolderArchive, "collect", collect)
    plan = plan_in(tmp_path, num_trials=2)
    first = Run.open(plan, root=tmp_path / "s")
    first.interrupt("a test")
    assert set(graces) == {0.0}
    FolderArchive(_folder(tmp_path)).claim("another machine:/copy#1")
    graces.clear()
    finish(Run.open(plan, root=tmp_path / "s", resume=True))
    assert set(graces) == {opening._GRACE_S}
    graces.clear()
    finish(Run.open(plan_in(tmp_path, num_trials=3), root=tmp_path / "s", resume=True))
    assert set(graces) == {0.0}, "the one before it was of this machine, and its lease was free"


def _folder(tmp_path: Path) -> Path:
    (folder,) = (tmp_path / "archive").glob("*/*/*")
    return folder


def test_what_cannot_be_removed_is_said_once_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remove(self: FolderArchive, place: Place) -> None:
        raise StoreError("the folder is read-only by now")

    monkeypatch.setattr(FolderArchive, "remove", remove)
    run = finish(Run.open(plan_in(tmp_path), root=tmp_path / "s"))
    assert run.finished
    assert run.remarks == [
        "what is not needed stays in the checkpoint_store: the folder is read-only by now"
    ]
