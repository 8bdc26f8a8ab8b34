from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictured_runs import TRIALS, Trials, trials_of

from pytest_synebench.analysis.pictures import single
from pytest_synebench.testing.histories import SCALARS
from pytest_synebench.trial import Scalar, TrialId


@settings(max_examples=60)
@given(trials=TRIALS)
def test_each_finite_report_is_on_a_curve_once(trials: Trials) -> None:
    told = trials_of(trials)
    drawn = [(one.trial_id, x) for one in single.learning(told) for x in one.levels]
    finite = [(t.id, r.resource) for t in told for r in t.reports if math.isfinite(r.loss)]
    assert sorted(drawn) == sorted(finite)


@settings(max_examples=60)
@given(trials=TRIALS)
def test_who_moved_on_and_who_ended_are_all_who_reached_a_rung(trials: Trials) -> None:
    told = trials_of(trials)
    for rung in single.rungs(told):
        here = {t.id for t in told for r in t.reports if r.resource == rung.level}
        moved, ended = ({trial for trial, _ in who} for who in (rung.moved_on, rung.ended))
        assert moved | ended == here
        assert not moved & ended
        assert ended


def test_rungs_are_the_levels_at_which_trials_end() -> None:
    told = trials_of([({}, [5.0]), ({}, [4.0, 3.0, 2.0]), ({}, [6.0])])
    assert single.rungs(told) == [
        single.Rung(1, [(TrialId(1), 4.0)], [(TrialId(0), 5.0), (TrialId(2), 6.0)]),
        single.Rung(3, [], [(TrialId(1), 2.0)]),
    ]


@settings(max_examples=100)
@given(values=st.lists(SCALARS, min_size=1, max_size=30), log=st.booleans())
def test_every_place_is_on_the_axis_and_equals_share_theirs(
    values: list[Scalar], log: bool
) -> None:
    found = single.axis("x", values, log=log)
    assert all(0 <= place <= 1 for place in [*found.places, *(p for p, _ in found.ticks)])
    by_value: dict[str, float] = {}
    for value, place in zip(values, found.places, strict=True):
        assert by_value.setdefault(repr(value), place) == place


def test_numbers_are_placed_by_size_and_by_their_logarithm_if_so_drawn() -> None:
    assert single.axis("x", [1, 10, 100]).places == pytest.approx([0, 1 / 11, 1])
    assert single.axis("x", [1, 10, 100], log=True).places == pytest.approx([0, 0.5, 1])
    assert single.axis("x", ["b", "a", "b"]) == single.Axis("x", [1, 0, 1], [(0, "a"), (1, "b")])


def test_a_domain_says_whether_it_is_drawn_from_by_its_logarithm() -> None:
    assert single.is_log({"domain": "lograndint"})
    assert not single.is_log({"domain": "reverseloguniform"})
    assert not single.is_log(5)


@given(points=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20))
def test_the_pareto_set_is_what_nothing_dominates(points: list[tuple[float, float]]) -> None:
    def dominated(one: tuple[float, float]) -> bool:
        return any(o != one and o[0] <= one[0] and o[1] <= one[1] for o in points)

    front = single.pareto(points)
    assert set(front) == {i for i, one in enumerate(points) if not dominated(one)}
    assert len(front) == len(set(front))


@pytest.mark.parametrize("largest", [5e-324, 1.5e308])
def test_the_smallest_and_the_largest_numbers_have_their_places(largest: float) -> None:
    assert single.axis("x", [0.0, largest]).places == [0, 1]
    assert single.axis("x", [-largest, 0.0, largest]).places == [0, 0.5, 1]
