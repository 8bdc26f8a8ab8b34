"""Runs whose checkpoints may not take all of the disk."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from kept_runs import finish, plan_in
from toy_project import SCRIPT

from pytest_synebench.checkpoints import manifest
from pytest_synebench.errors import BackendError
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.experiment.keeping import opening
from pytest_synebench.experiment.keeping.disk_budget import MB, DiskBudget, _size
from pytest_synebench.experiment.keeping.rising import removal_order
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.run import Run
from pytest_synebench.trial import TrialId, TrialState

KB = 150  # of a checkpoint: nine trials of one each are more than a megabyte


def budgeted(folder: Path, kilobytes: int = KB, **params: Any) -> Plan:
    """Return a plan whose checkpoints have a size, and may take one megabyte in all."""
    text = SCRIPT.replace(
        '    state["epoch"] = epoch\n',
        '    state["epoch"] = epoch\n'
        f'    with open(os.path.join(path, "weights"), "w") as file:\n'
        f'        file.write("w" * {kilobytes * 1024})\n',
    )
    assert text != SCRIPT
    mine = {"checkpoint_store": "local", "checkpoint_disk_mb": 1, **params}
    return plan_in(folder, text, **mine)


def used(run: Run) -> int:
    return sum(_size(path) for path in run.directory.glob("trials/*/checkpoints"))


def assert_curves_are_whole(run: Run) -> None:
    for trial in run.trials.values():
        x = float(trial.config["x"])  # type: ignore[arg-type] # the space says uniform
        loss = 10.0 + x
        assert [r.resource for r in trial.reports] == list(range(1, trial.level + 1))
        for report in trial.reports:
            loss *= 0.5 + x / 4
            assert report.loss == loss


def without(run: Run) -> list[TrialId]:
    """Return the paused trials that have no checkpoint."""
    return [
        t.id
        for t in run.trials.values()
        if t.state is TrialState.PAUSED
        and not manifest.levels(str(run.launch.trial_directory(t.id) / "checkpoints"))
    ]


def test_those_least_likely_to_be_resumed_go_and_no_more_than_must(tmp_path: Path) -> None:
    run = finish(Run.open(budgeted(tmp_path), root=tmp_path / "s"))
    assert run.finished
    assert used(run) <= MB
    gone = without(run)
    assert gone
    assert used(run) + KB * 1024 > MB - 3 * KB * 1024, "more went than had to"
    at_first = {t.id: t.reports[0].loss for t in run.trials.values()}
    kept = [t.id for t in run.trials.values() if t.state is TrialState.PAUSED and t.id not in gone]
    assert max(at_first[one] for one in gone) > min(at_first[one] for one in kept)
    assert any("were removed, the least likely to be resumed" in remark for remark in run.remarks)
    assert_curves_are_whole(run)


def test_one_that_is_resumed_after_all_begins_anew_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def the_likeliest_first(*args: Any, **options: Any) -> list[TrialId]:
        return removal_order(*args, **options)[::-1]

    monkeypatch.setattr(opening, "removal_order", the_likeliest_first)
    # One at a time: which are on the disk must not depend on who was first.
    run = finish(Run.open(budgeted(tmp_path, num_trials=20, num_workers=1), root=tmp_path / "s"))
    assert run.finished
    anew = [t for t in run.trials.values() if t.repeated]
    assert anew
    for trial in anew:
        assert any(
            f"its checkpoint of level {level} had been removed, to keep to checkpoint_disk_mb: it "
            "begins anew" in remark
            for level in (1, 3)
            for remark in trial.remarks
        )
        assert "fresh" in trial.resumes.values()
    assert run.summary().resumes["fresh"] == sum(
        list(t.resumes.values()).count("fresh") for t in anew
    )
    assert run.table.failed == 0
    assert_curves_are_whole(run)


def test_what_the_store_has_goes_from_the_disk_and_nothing_is_lost(tmp_path: Path) -> None:
    plan = budgeted(tmp_path, checkpoint_store=str(tmp_path / "archive"), num_trials=12)
    run = finish(Run.open(plan, root=tmp_path / "s"))
    assert run.finished
    assert used(run) <= MB
    assert without(run)
    assert any(t.resumed for t in run.trials.values())
    assert all(not t.repeated for t in run.trials.values())
    assert run.remarks == []
    assert_curves_are_whole(run)


def test_in_virtual_time_no_guess_is_made_and_the_run_breaks_off_with_the_way_out(
    tmp_path: Path,
) -> None:
    run = Run.open(budgeted(tmp_path, deterministic=True), root=tmp_path / "s")
    with pytest.raises(BackendError, match=r"take 1\.\d MB, checkpoint_disk_mb is 1, .* raise it"):
        finish(run)
    run.close()
    assert run.table.failed == 0
    more = budgeted(tmp_path, deterministic=True, checkpoint_disk_mb=50)
    again = finish(Run.open(more, root=tmp_path / "s", resume=True, audit=True))
    assert again.finished
    assert again.table.failed == 0
    assert_curves_are_whole(again)


def test_checkpoints_that_are_too_large_for_so_many_trials_are_refused_at_the_first(
    tmp_path: Path,
) -> None:
    run = Run.open(budgeted(tmp_path, 400), root=tmp_path / "s")
    with pytest.raises(
        BackendError,
        match=r"has 0\.4 MB, and 2 trials at once and the best one keep 2 each: 2\.4 MB; checkpoi",
    ):
        finish(run)
    run.close()
    assert run.table.failed == 0


def test_a_budget_that_the_disk_does_not_have_is_refused_before_the_first_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=30 * MB)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(
        BackendError, match=r"checkpoint_disk_mb is 31, and .* has 30 MB .* give at"
    ):
        Run.open(budgeted(tmp_path, checkpoint_disk_mb=31), root=tmp_path / "s")
    assert not list((tmp_path / "s").glob("runs/*/*/*/trials/*"))


def test_without_a_budget_a_disk_that_will_not_do_is_told_of_at_the_first_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = tmp_path / "trials/1/checkpoints/00000001"
    checkpoints.mkdir(parents=True)
    (checkpoints / "weights").write_bytes(bytes(3 * MB))
    usage = shutil.disk_usage(tmp_path)._replace(free=20 * MB)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    told: list[str] = []
    for at_once in (2, 3):
        budget = DiskBudget(tmp_path / "trials", TrialTable(), limit_bytes=None, at_once=at_once)
        for _ in range(2):
            budget.saved(TrialId(1), 1, told.append)
    assert len(told) == 1
    assert told[0].startswith(
        "a checkpoint has 3.0 MB, and 3 trials at once and the best one keep 2 each: 24.0 MB;"
    )
    assert budget.keep_to(()) == []
