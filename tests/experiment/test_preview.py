from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toy_plan import toy_plan

from pytest_synebench.backends.local.machine import Machine
from pytest_synebench.blackboxes.synthetic import Synthetic
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.preview import preview
from pytest_synebench.experiment.run import Run

MACHINE = Machine(processors=4, gpus=())
FAMILY = Synthetic(last_level=9)


def plan(folder: Path, blackbox: object = None, **params: Any) -> Plan:
    fields = {"config_space": {**FAMILY.config_space, "epochs": 9}, "blackbox": blackbox}
    chosen: dict[str, Any] = {"scheduler": "asha_stopping", "num_trials": 30}
    return toy_plan(folder, fields=fields, **(chosen | params))


@pytest.mark.parametrize("scheduler", ["fifo", "asha_stopping", "asha_promotion"])
@pytest.mark.parametrize("checkpointing", ["auto", "off"])
def test_it_tells_what_the_simulated_run_does(
    tmp_path: Path, scheduler: str, checkpointing: str
) -> None:
    options: dict[str, Any] = {"scheduler": scheduler, "checkpointing": checkpointing}
    made = plan(tmp_path, FAMILY, backend="simulated", **options)
    told = preview(made, MACHINE)
    run = Run.open(made, root=tmp_path / "runs")
    while not run.done:
        run.pump(0.2)
    run.close()
    trials = run.trials.values()
    assert told.trials == len(trials) == 30
    assert (told.units, told.seconds, told.reason) == (
        run.table.units,
        run.table.at_s,
        run.reason,
    )
    assert told.repeated == sum(trial.repeated for trial in trials)
    assert (told.repeated > 0) == (
        options == {"scheduler": "asha_promotion", "checkpointing": "off"}
    )
    for level, count in told.reached:
        assert count == sum(trial.level >= level for trial in trials)
    assert told.reached[-1][0] == 9
    assert len(told.reached) == (1 if scheduler == "fifo" else 3)


def test_nothing_is_made(tmp_path: Path) -> None:
    made = plan(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    preview(made, MACHINE)
    assert sorted(tmp_path.rglob("*")) == before


def test_without_a_blackbox_the_time_is_not_known_and_levels_cost_alike(tmp_path: Path) -> None:
    told = preview(plan(tmp_path, scheduler="fifo", scheduler_timeout=1.0), MACHINE)
    assert (told.trials, told.units, told.reached) == (30, 270, ((9, 30),))
    assert told.seconds is None
    assert any("time: not known" in line for line in told.lines())


def test_a_budget_ends_it_as_it_ends_a_run(tmp_path: Path) -> None:
    told = preview(plan(tmp_path, scheduler="fifo", resource_budget=100), MACHINE)
    assert (told.units, told.reason) == (100, "resource_budget of 100 units spent")


def test_workers_are_those_of_the_machine_where_trials_are_real(tmp_path: Path) -> None:
    few = Machine(processors=2, gpus=())
    assert preview(plan(tmp_path, FAMILY, num_workers=8), few).num_workers == 2
    simulated = plan(tmp_path, FAMILY, num_workers=8, backend="simulated")
    assert preview(simulated, few).num_workers == 8


def test_one_report_per_trial_is_one_level(tmp_path: Path) -> None:
    fields = {"config_space": FAMILY.config_space, "resource_attr": None, "max_resource_attr": None}
    told = preview(toy_plan(tmp_path, fields=fields, num_trials=3), MACHINE)
    assert told.reached == ((1, 3),)
    assert told.lines()[1] == "  trials: 3; by the level they reach: 1: 3"
