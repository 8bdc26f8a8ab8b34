"""What came of each resume, with real processes of a torch-free script."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toy_project import SCRIPT

from pytest_synebench.checkpoints.folder import FolderArchive
from pytest_synebench.definition import Benchmark
from pytest_synebench.experiment.keeping import copying
from pytest_synebench.experiment.plan.parameter_table import GLOBALS, resolve
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.run import Run
from pytest_synebench.experiment.store.summary import lines
from pytest_synebench.plugin.nodes.items import properties
from pytest_synebench.space import uniform
from pytest_synebench.trial import TrialId, TrialState


def plan_in(folder: Path, **params: Any) -> Plan:
    (folder / "train.py").write_text(SCRIPT)
    definition = Benchmark(
        script=folder / "train.py",
        config_space={"x": uniform(0, 1), "epochs": 3, "work": 0},
        metric="loss",
        resource_attr="epoch",
        max_resource_attr="epochs",
    )
    mine = {"scheduler": "asha_promotion", "num_workers": 1, "num_trials": 3, **params}
    values = resolve(GLOBALS, [("user", mine)], "toy")
    return Plan(benchmark="toy", variant="v", params=values, definition=definition)


def finish(run: Run, harm: Callable[[Path], object]) -> Run:
    """Drive a run to its end, and harm the checkpoints of each trial that pauses."""
    harmed: set[int] = set()
    while not run.done:
        run.pump(10.0)
        for trial in run.trials.values():
            checkpoint = run.launch.trial_directory(trial.id) / "checkpoints" / "00000001"
            ended = run._tuner is not None and trial.id not in run._tuner.live
            if trial.state is TrialState.PAUSED and ended and trial.id not in harmed:
                harmed.add(trial.id)
                harm(checkpoint)
    run.close()
    return run


def nothing(checkpoint: Path) -> None:
    """Do no harm."""


def spoil(checkpoint: Path) -> None:
    (checkpoint / "state.json").write_text("{}")


def outcome(run: Run) -> str:
    (told,) = [text for trial in run.trials.values() for text in trial.resumes.values()]
    return told


def test_a_resume_from_its_level_is_told_in_item_and_summary(tmp_path: Path) -> None:
    run = finish(Run.open(plan_in(tmp_path), root=tmp_path / "s"), nothing)
    assert outcome(run) == "resumed@1"
    (resumed,) = [trial for trial in run.trials.values() if trial.resumed]
    assert ("resume.1", "resumed@1") in properties(run, resumed)
    assert "  resumes: 1 resumed" in lines(run.summary().plain())


def test_a_checkpoint_that_is_gone_is_a_fresh_start_and_told_so(tmp_path: Path) -> None:
    run = finish(Run.open(plan_in(tmp_path), root=tmp_path / "s"), shutil.rmtree)
    assert outcome(run) == "fresh"
    assert "  resumes: 1 fresh" in lines(run.summary().plain())


def test_a_checkpoint_that_is_refused_is_told_with_its_reason(tmp_path: Path) -> None:
    run = finish(Run.open(plan_in(tmp_path), root=tmp_path / "s"), spoil)
    assert outcome(run).startswith("REJECTED: checkpoint of level 1 (")
    assert "'state.json' has 2 bytes" in outcome(run)
    assert outcome(run).endswith("; fresh")
    assert "  resumes: 1 REJECTED" in lines(run.summary().plain())
    assert run.table.failed == 0


@pytest.mark.parametrize("deterministic", [False, True])
def test_with_strict_checkpoints_a_refusal_fails_the_trial(
    tmp_path: Path, deterministic: bool
) -> None:
    plan = plan_in(tmp_path, strict_checkpoints=True, deterministic=deterministic)
    run = finish(Run.open(plan, root=tmp_path / "s"), spoil)
    (failed,) = [trial for trial in run.trials.values() if trial.state is TrialState.FAILED]
    assert failed.reason.startswith("REJECTED: checkpoint of level 1 (")
    assert failed.reason.endswith("(strict_checkpoints makes that a failure)")
    assert failed.level == 1, "it went on all the same"


def test_a_refusal_of_the_store_is_told_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_back = copying.bring_back

    def harmed(archive: FolderArchive, trial_id: TrialId, checkpoints: Path, *more: Any) -> Any:
        shutil.rmtree(checkpoints)
        for kept in (tmp_path / "archive").glob("*/*/*/*/*/00000001/state.json"):
            kept.write_text("{}")
        return bring_back(archive, trial_id, checkpoints, *more)

    monkeypatch.setattr(copying, "bring_back", harmed)
    plan = plan_in(tmp_path, checkpoint_store=str(tmp_path / "archive"), strict_checkpoints=True)
    run = finish(Run.open(plan, root=tmp_path / "s"), nothing)
    (failed,) = [trial for trial in run.trials.values() if trial.state is TrialState.FAILED]
    assert "REJECTED: checkpoint of level 1 in the store: 'state.json' has 2" in failed.reason
