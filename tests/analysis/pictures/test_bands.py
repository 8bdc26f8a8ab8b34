from __future__ import annotations

import math
import sys
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictured_runs import trials_of

from pytest_synebench.analysis.curves import incumbent
from pytest_synebench.analysis.pictures.bands import POINTS, Steps, band, by_time, by_units, iqm

VALUES = st.floats(-1e6, 1e6)
STEPS = st.lists(st.tuples(st.floats(0, 1e6), VALUES), min_size=1, max_size=9).map(
    lambda steps: list(
        zip(
            sorted({x for x, _ in steps}),
            sorted((y for _, y in steps), reverse=True),
            strict=False,
        )
    )
)


@settings(max_examples=60)
@given(curves=st.lists(STEPS, min_size=1, max_size=6))
def test_mean_and_band_lie_between_the_worst_and_the_best_run_and_never_rise(
    curves: list[Steps],
) -> None:
    found = band(curves)
    assert found is not None
    low = min(y for curve in curves for _, y in curve)
    high = max(y for curve in curves for _, y in curve)
    room = 1e-6 * (1 + abs(low) + abs(high))
    assert len(found.x) <= max(POINTS, 1)
    for a, b, c in zip(found.low, found.middle, found.high, strict=True):
        assert low - room <= a <= b + room <= c + 2 * room <= high + 3 * room
    assert all(b <= a + room for a, b in pairwise(found.middle))
    assert found.x[0] == max(curve[0][0] for curve in curves)
    assert found.x[-1] == max(curve[-1][0] for curve in curves)


def test_the_order_of_the_runs_and_the_day_change_nothing() -> None:
    curves = [[(1.0, 3.0), (2.0, 1.0)], [(1.0, 5.0)], [(1.5, 2.0), (4.0, 0.0)], [(1.0, 9.0)]]
    assert len({repr(band(list(one))) for one in permutations(curves)}) == 1


def test_the_numbers_match_a_table_made_by_hand() -> None:
    # At 1: 8 and 4; at 2: 8 and 2; at 3: 6 and 2 (the shorter run keeps its last).
    found = band([[(1.0, 8.0), (3.0, 6.0)], [(1.0, 4.0), (2.0, 2.0)]])
    assert found is not None
    assert (found.x, found.middle, found.runs) == ([1.0, 2.0, 3.0], [6.0, 5.0, 4.0], 2)
    assert (found.low, found.high) == ([4.0, 2.0, 2.0], [8.0, 8.0, 6.0])


@pytest.mark.parametrize(
    ("values", "mean"),
    [([7.0], 7.0), ([1.0, 3.0], 2.0), ([0.0, 1.0, 2.0, 1e9], 1.5), ([5.0, 1.0, 1.0, 1.0], 1.0)],
)
def test_the_interquartile_mean_is_that_of_the_middle_half(
    values: list[float], mean: float
) -> None:
    assert iqm(np.array(values)) == mean


def test_a_band_is_as_sure_as_it_says() -> None:
    # 200 samples of 20 normal values; 95 % of intervals contain 0. With a bootstrap of 20 values
    # about 92 % do; below 85 % once in 10,000 such tests.
    chance = np.random.default_rng(0)
    samples = chance.normal(size=(200, 20))
    found = [band([[(0.0, float(y))] for y in sample]) for sample in samples]
    inside = sum(one is not None and one.low[0] <= 0 <= one.high[0] for one in found)
    assert 170 <= inside < 200


@settings(max_examples=60)
@given(losses=st.lists(st.lists(st.floats(), max_size=4), max_size=5))
def test_both_curves_of_a_run_end_at_its_best_finite_loss(losses: list[list[float]]) -> None:
    trials = trials_of([({}, one) for one in losses])
    final = incumbent(trials).final
    for steps in (by_units(trials), by_time(trials)):
        if math.isnan(final):
            assert steps == []
        else:
            assert steps[-1][1] == final
            assert all(math.isfinite(y) for _, y in steps)


def test_a_run_without_a_finite_loss_is_no_curve() -> None:
    assert band([[], []]) is None
    found = band([[], [(1.0, 2.0)]])
    assert found is not None
    assert found.runs == 1


def test_the_largest_numbers_have_a_band_that_holds_them() -> None:
    most = sys.float_info.max
    curves: list[Steps] = [
        [(0.0, most), (1.0, -most)],
        [(0.0, most)],
        [(0.0, most), (1.0, 0.0)],
    ] * 3
    with np.errstate(all="raise"):
        found = band(curves)
    assert found is not None
    for line in (found.middle, found.low, found.high):
        assert line[0] == pytest.approx(most)
    assert found.low[1] < found.middle[1] < found.high[1]
