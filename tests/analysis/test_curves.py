"""Incumbent curves: worked by hand, and over any reports."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.analysis.curves import Curve, Step, horizon, incumbent
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.trial import Report, TrialId

NAN = math.nan
LOSSES = st.lists(st.lists(st.floats(), max_size=4), max_size=4)


def trials(*losses: list[float]) -> list[TrialRecord]:
    """Trials that take turns: level k of trial i is reported at k + i / 10."""
    out = []
    for number, of_trial in enumerate(losses):
        record = TrialRecord(TrialId(number), {}, None)
        record.reports += [
            Report(
                trial_id=TrialId(number), resource=k, loss=loss, at_s=k + number / 10, metrics={}
            )
            for k, loss in enumerate(of_trial, 1)
        ]
        out.append(record)
    return out


def test_by_hand() -> None:
    curve = incumbent(trials([5.0, 3.0], [4.0, 6.0]))
    assert curve == Curve((Step(1, 5.0), Step(2, 4.0), Step(3, 3.0), Step(4, 3.0)), 3.0)
    assert curve.area(4) == (5 + 4 + 3 + 3) / 4
    assert curve.scores(4) == {"final": 3.0, "area": 3.75}


def test_levels_that_are_skipped_are_spent_all_the_same() -> None:
    record = TrialRecord(TrialId(0), {}, None)
    record.reports += [
        Report(trial_id=TrialId(0), resource=level, loss=9.0 - level, at_s=level, metrics={})
        for level in (2, 6)
    ]
    assert incumbent([record]).steps == (Step(2, 7.0), Step(6, 3.0))


def test_a_shorter_run_keeps_its_last_incumbent_and_a_longer_one_is_cut() -> None:
    curve = incumbent(trials([5.0, 3.0]))
    assert curve.area(4) == (5 + 3 + 3 + 3) / 4
    assert curve.area(1) == 5.0


def test_units_before_the_first_finite_report_count_as_the_worst() -> None:
    curve = incumbent(trials([NAN, 2.0, 8.0]))
    assert curve.steps == (Step(1, 8.0), Step(2, 2.0), Step(3, 2.0))


def test_below_the_floor_nothing_is_gained() -> None:
    curve = incumbent(trials([5.0, -3.0]))
    assert curve.area(2, floor=0.0) == 2.5
    assert curve.final == -3.0


@pytest.mark.parametrize("losses", [[], [NAN], [math.inf, -math.inf]])
def test_where_nothing_finite_was_reported_nothing_was_measured(losses: list[float]) -> None:
    scores = incumbent(trials(losses)).scores(3)
    assert all(math.isnan(score) for score in scores.values())


def test_the_horizon_is_that_of_the_longest_run() -> None:
    assert horizon([incumbent(trials([1.0])), incumbent(trials([1.0, 2.0, 3.0]))]) == 3
    assert horizon([]) == 1


@given(LOSSES, st.integers(1, 20))
def test_the_incumbent_never_gets_worse_and_bounds_the_area(
    losses: list[list[float]], units: int
) -> None:
    curve = incumbent(trials(*losses))
    incumbents = [step.loss for step in curve.steps]
    assert incumbents == sorted(incumbents, reverse=True)
    assert all(map(math.isfinite, incumbents))
    if curve.steps:
        slack = 1e-9 * max(map(abs, incumbents))
        assert curve.final - slack <= curve.area(units) <= incumbents[0] + slack


@given(LOSSES, st.integers(1, 20), st.data())
def test_a_report_made_worse_makes_no_score_better(
    losses: list[list[float]], units: int, data: st.DataObject
) -> None:
    places = [
        (i, k) for i, some in enumerate(losses) for k, v in enumerate(some) if math.isfinite(v)
    ]
    before = incumbent(trials(*losses)).scores(units)
    if not places:
        return
    i, k = data.draw(st.sampled_from(places))
    losses[i][k] = data.draw(st.floats(min_value=losses[i][k], allow_infinity=False))
    after = incumbent(trials(*losses)).scores(units)
    for name, score in before.items():
        if math.isfinite(score):
            assert after[name] >= score - 1e-9 * abs(score)
