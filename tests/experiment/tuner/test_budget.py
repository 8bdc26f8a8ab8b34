from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journals import folded
from toy_plan import toy_plan

from pytest_synebench.events import Reported
from pytest_synebench.experiment.journal.journal import Entry
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.experiment.tuner.budget import Budget
from pytest_synebench.testing.histories import HISTORIES
from pytest_synebench.trial import TrialState


def budget(**limits: Any) -> Budget:
    return Budget(**({"num_trials": 10, "max_failures": 10**6} | limits))


def first_end(history: list[Entry], limits: Budget) -> tuple[int | None, TrialTable]:
    """Return the number of the entry after which the experiment is over, and the table then."""
    table = TrialTable()
    for number, entry in enumerate(history):
        table.fold(entry.event, entry.decisions)
        if limits.exceeded(table, table.at_s):
            return number, table
    return None, table


@given(history=HISTORIES, number=st.integers(1, 12))
def test_one_more_may_start_while_fewer_than_num_trials_were_started(
    history: list[Entry], number: int
) -> None:
    table = TrialTable()
    for entry in history:
        table.fold(entry.event, entry.decisions)
        started = len(table.trials)  # failed, paused and stopped ones included
        assert budget(num_trials=number).may_start(table) == (started < number)
    assert budget(num_trials=number).exceeded(table, 1e9) == ""


@given(history=HISTORIES)
def test_the_report_that_makes_the_budget_ends_it_not_one_later(history: list[Entry]) -> None:
    table = TrialTable()
    for entry in history:
        before = table.units
        table.fold(entry.event, entry.decisions)
        spent = f"resource_budget of {table.units} units spent"
        if table.units > before:
            assert isinstance(entry.event, Reported)
            assert budget(resource_budget=table.units).exceeded(table, 0.0) == spent
        assert budget(resource_budget=table.units + 1).exceeded(table, 0.0) == ""


@given(history=HISTORIES, target=st.integers(0, 5).map(float))
def test_the_first_report_as_good_as_the_target_ends_it(
    history: list[Entry], target: float
) -> None:
    number, table = first_end(history, budget(target_loss=target))
    losses = [e.event.report.loss if isinstance(e.event, Reported) else None for e in history]
    good = [
        i for i, loss in enumerate(losses) if loss is not None and float("-inf") < loss <= target
    ]
    assert number == (good[0] if good else None)
    if number is not None:
        assert budget(target_loss=target).exceeded(table, 0.0) == "target_value reached"


@given(history=HISTORIES, allowed=st.integers(0, 3))
def test_one_failure_more_than_allowed_ends_it(history: list[Entry], allowed: int) -> None:
    number, table = first_end(history, budget(max_failures=allowed))
    if number is None:
        assert folded(history).failed <= allowed
    else:
        states = [trial.state for trial in table.trials.values()]
        assert states.count(TrialState.FAILED) == allowed + 1
        reason = budget(max_failures=allowed).exceeded(table, 0.0)
        assert reason == f"{allowed + 1} trials failed, max_failures is {allowed}"


@pytest.mark.parametrize(("at_s", "over"), [(0.0, False), (4.999, False), (5.0, True), (6.0, True)])
def test_a_timeout_ends_it_at_the_second_it_names(at_s: float, *, over: bool) -> None:
    reason = budget(scheduler_timeout_s=5.0).exceeded(TrialTable(), at_s)
    assert reason == ("scheduler_timeout of 5 s reached" if over else "")


def test_a_plans_parameters_are_the_budget(tmp_path: Path) -> None:
    plan = toy_plan(
        tmp_path,
        num_trials=3,
        max_failures=0,
        scheduler_timeout=2.5,
        resource_budget=7,
        target_value=0.25,
    )
    assert Budget.of(plan) == Budget(
        num_trials=3,
        max_failures=0,
        scheduler_timeout_s=2.5,
        resource_budget=7,
        target_loss=0.25,
    )


def test_a_target_is_in_the_users_sign(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path, fields={"mode": "max"}, target_value=-120.0)
    assert Budget.of(plan).target_loss == 120.0
    assert Budget.of(toy_plan(tmp_path, target_value=0)).target_loss == 0
    assert Budget.of(toy_plan(tmp_path)).target_loss is None
