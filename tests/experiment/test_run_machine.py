"""A run keeps to what its machine has, with real processes of a torch-free script."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from toy_plan import toy_plan
from toy_project import SCRIPT

from pytest_synebench.backends.local.machine import Machine
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.assembly import Site
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.run import Run
from pytest_synebench.space import uniform


def plan_in(folder: Path, **params: Any) -> Plan:
    (folder / "train.py").write_text(SCRIPT)
    space = {"x": uniform(0, 1), "epochs": 2, "work": 0}
    return toy_plan(folder, fields={"config_space": space}, **params)


def finish(run: Run) -> Run:
    while not run.done:
        run.pump(10.0)
    run.close()
    return run


def spans(run: Run) -> list[tuple[float, float]]:
    lines = (run.directory / "timings.jsonl").read_text().splitlines()
    read = [json.loads(line) for line in lines]
    return sorted((one["from"], one["to"]) for one in read if "from" in one)


def test_trials_beyond_the_processors_run_one_after_the_other_and_that_is_said(
    tmp_path: Path,
) -> None:
    plan = plan_in(tmp_path, num_workers=3, num_trials=3)
    run = finish(Run.open(plan, root=tmp_path / "s", site=Site(machine=Machine(processors=1))))
    assert run.summary().remarks == (
        (
            "3 workers asked, 1 runs at once: this machine has 1 processor "
            "(--oversubscribe 1 lifts it)"
        ),
    )
    assert len(spans(run)) == 3
    for (_, to), (begins, _) in itertools.pairwise(spans(run)):
        assert begins >= to


def test_where_it_is_lifted_they_run_at_the_same_time(tmp_path: Path) -> None:
    plan = plan_in(tmp_path, num_workers=3, num_trials=3, oversubscribe=True)
    run = finish(Run.open(plan, root=tmp_path / "s", site=Site(machine=Machine(processors=1))))
    assert run.summary().remarks == ()
    first, *others = spans(run)
    assert all(begins < first[1] for begins, _ in others)


def test_more_gpus_than_there_are_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    plan = plan_in(tmp_path, num_gpus_per_trial=2)
    with pytest.raises(UsageError, match=r"^num_gpus_per_trial is 2, and this machine has 1 GPU "):
        Run.open(plan, root=tmp_path / "s", site=Site(machine=Machine(processors=4, gpus=("0",))))
    assert not (tmp_path / "s").exists()


def test_a_run_may_go_on_on_a_machine_with_less(tmp_path: Path) -> None:
    first = Run.open(
        plan_in(tmp_path, num_trials=2),
        root=tmp_path / "s",
        site=Site(machine=Machine(processors=4)),
    )
    first.interrupt("a test")
    small = plan_in(tmp_path, num_trials=2, num_gpus_per_trial=0, report_rate=None)
    again = Run.open(
        small, root=tmp_path / "s", resume=True, site=Site(machine=Machine(processors=1))
    )
    assert finish(again).finished
