"""An experiment from beginning to end: what is told, what comes back, what is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from real_plans import plan_in
from toy_project import attempts_alive

from pytest_synebench.clock import VirtualClock
from pytest_synebench.experiment import conduct as module
from pytest_synebench.experiment.conduct import conduct
from pytest_synebench.experiment.run import Run
from pytest_synebench.experiment.store.results import load_runs


def test_what_comes_back_is_what_load_runs_gives(tmp_path: Path) -> None:
    result = conduct(plan_in(tmp_path), root=tmp_path / "s")
    assert result.finished
    assert len(result.trials) == 3
    assert [*load_runs(tmp_path / "s")] == [result]
    assert result.best is not None
    (best,) = (t for t in result.trials if result.best["loss"] in [r.loss for r in t.reports])
    assert result.best_config == best.config
    assert result.metadata["outcome"]["finished"]


def test_people_are_told_at_the_beginning_and_at_the_end(tmp_path: Path) -> None:
    told: list[str] = []
    plan = plan_in(tmp_path, num_workers=64)
    conduct(plan, root=tmp_path / "s", resume=True, progress=told.append)
    assert told[0] == "there is no run to go on with: a new one is started"
    assert told[1].startswith("64 workers asked, ")
    assert told[2] == plan.name
    assert told[3].startswith("  best: loss ")
    assert not any("ended, " in line and " s" in line for line in told[:2])


def test_people_are_told_how_it_goes_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TOLD_EVERY_S", 0.0)
    told: list[str] = []
    conduct(plan_in(tmp_path), root=tmp_path / "s", progress=told.append, clock=VirtualClock())
    assert "/3 ended, " in told[0]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_breaks_in_leaves_nothing_running_and_a_run_to_go_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    real = Run.pump
    told: list[str] = []

    def pump(run: Run, timeout_s: float) -> None:
        if run.table.units:
            raise error
        real(run, timeout_s)

    plan = plan_in(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Run, "pump", pump)
        with pytest.raises(error):
            conduct(plan, root=tmp_path / "s", progress=told.append)
    assert attempts_alive(tmp_path) == []
    assert any(line.endswith("interrupted") for line in told)
    (left,) = load_runs(tmp_path / "s")
    assert not left.finished

    result = conduct(plan, root=tmp_path / "s", resume=True)
    assert result.finished
    assert result.directory == left.directory
