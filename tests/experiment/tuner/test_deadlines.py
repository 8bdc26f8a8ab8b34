from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_plan import toy_plan

from pytest_synebench.experiment.tuner.deadlines import Deadlines

LIMIT = st.none() | st.integers(0, 20).map(float)


@given(
    total=LIMIT,
    silence=LIMIT,
    heard=st.lists(st.integers(1, 10), max_size=5),
    wait=st.integers(0, 30),
)
def test_an_attempt_is_overdue_exactly_when_a_limit_is_reached(
    total: float | None, silence: float | None, heard: list[int], wait: int
) -> None:
    watch = Deadlines(trial_timeout_s=total, progress_timeout_s=silence).watch(100.0)
    now = 100.0
    for seconds in heard:
        now += seconds
        watch.heard(now)
    ends = [math.inf]
    if total is not None:
        ends.append(100.0 + total)
    if silence is not None:
        ends.append(now + silence)
    later = now + wait
    assert watch.left_s(later) == min(ends) - later
    assert bool(watch.overdue(later)) == (later >= min(ends))


def test_a_sign_of_life_puts_back_the_silence_not_the_total() -> None:
    watch = Deadlines(trial_timeout_s=10.0, progress_timeout_s=4.0).watch(0.0)
    watch.heard(3.0)
    assert watch.overdue(6.0) == ""
    watch.heard(6.0)
    watch.heard(9.0)
    assert watch.overdue(10.0) == (
        "ran for 10 s, which is its trial_timeout (--trial_timeout raises it, none lifts it)"
    )


def test_silence_names_the_option_that_allows_more_of_it() -> None:
    watch = Deadlines(progress_timeout_s=4.0).watch(0.0)
    assert watch.overdue(4.0) == (
        "no report for 4 s, which is its progress_timeout "
        "(--progress_timeout raises it, none lifts it)"
    )


@pytest.mark.parametrize("heard_s", [5.0, 7.0, 14.9])
def test_what_has_nothing_left_to_do_ends_after_the_grace_whatever_it_sends(
    heard_s: float,
) -> None:
    watch = Deadlines(end_grace_s=10.0).watch(0.0)
    watch.must_end(5.0)
    watch.heard(heard_s)
    assert watch.overdue(14.99) == ""
    assert watch.left_s(14.0) == 1.0
    assert watch.overdue(15.0) == (
        "did not end within 10 s of its last level, which is stop_grace (--stop_grace raises it)"
    )


def test_without_limits_nothing_is_ever_overdue() -> None:
    watch = Deadlines().watch(0.0)
    assert watch.left_s(1e12) == math.inf
    assert watch.overdue(1e12) == ""


def test_a_plan_sets_deadlines_and_a_simulated_one_has_none(tmp_path: Path) -> None:
    limits: dict[str, Any] = {"trial_timeout": 5.0, "progress_timeout": None, "stop_grace": 2.0}
    real = Deadlines.of(toy_plan(tmp_path, **limits))
    assert real == Deadlines(trial_timeout_s=5.0, progress_timeout_s=None, end_grace_s=2.0)
    assert not real.none
    # An attempt that has nothing left to do is overdue after the grace, whatever else is unlimited.
    assert not Deadlines.of(toy_plan(tmp_path, progress_timeout=None)).none
    simulated = Deadlines.of(toy_plan(tmp_path, backend="simulated", **limits))
    assert simulated.none
    watch = simulated.watch(0.0)
    watch.must_end(0.0)
    assert watch.left_s(1e12) == math.inf
