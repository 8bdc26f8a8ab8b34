"""Pairs: worked by hand, and how well intervals cover."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.analysis.statistics.paired import (
    differences,
    paired_detectable,
    paired_shift,
    worse_share,
)

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12)


def test_by_hand() -> None:
    assert paired_shift([0.0, 2.0]).middle == 1.0
    assert paired_shift([1.0, 2.0, 6.0]).middle == 2.75, "of 1, 1.5, 2, 3.5, 4, 6"
    # Of 64 ways to give six signs one has the sum 0, so 3 % lie outside of the whole range.
    assert paired_shift([1, 2, 3, 4, 5, 6])[1:] == (1.0, 6.0)
    assert paired_shift([1, 2, 3, 4, 5])[1:] == (-math.inf, math.inf)


def test_what_failed_is_worst_and_two_that_failed_are_equal() -> None:
    nan = math.nan
    assert differences([1, nan, nan], [nan, 1, nan]) == [math.inf, -math.inf, 0.0]
    assert worse_share([math.inf, -math.inf, 0.0]) == 0.5
    assert paired_shift([math.inf] * 3).middle == math.inf
    assert paired_shift([math.inf, -math.inf]).middle == 0.0


@given(NUMBERS, st.integers(-1000, 1000))
def test_a_constant_is_added_to_the_shift(apart: list[float], constant: int) -> None:
    moved = paired_shift([one + constant for one in apart])
    assert moved.middle == pytest.approx(paired_shift(apart).middle + constant, abs=1e-5)


def test_intervals_hold_the_true_shift() -> None:
    rng = random.Random(7)
    held = 0
    for _ in range(1000):
        told = paired_shift([rng.gauss(1.0, 2.0) for _ in range(15)])
        held += told.low <= 1.0 <= told.high
    # 95 % or more: fewer than 925 would be seen once in 3,000 seeds.
    assert held >= 925


@pytest.mark.parametrize(("pairs", "seen"), [(6, False), (7, True), (15, True)])
def test_too_few_pairs_detect_nothing(pairs: int, seen: bool) -> None:
    apart = [float(i) for i in range(pairs)]
    assert math.isfinite(paired_detectable(apart, 0.01)) is seen
