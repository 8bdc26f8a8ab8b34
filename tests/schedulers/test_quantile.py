from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.schedulers.quantile import Cutoff, Quantile

NUMBERS = st.lists(
    st.integers(0, 9).map(float) | st.floats(-1e6, 1e6) | st.just(math.inf), min_size=1, max_size=30
)
SHARES = st.sampled_from([0.0, 0.25, 0.3, 0.5, 0.75, 0.9, 1.0])


@given(numbers=NUMBERS, q=SHARES)
def test_a_quantile_is_what_numpy_interpolates(numbers: list[float], q: float) -> None:
    kept = Quantile(q)
    for i, number in enumerate(numbers, 1):
        kept.add(number)
        assert kept.size == i
        ranked = sorted(numbers[:i])
        if math.inf not in ranked:
            assert kept.value == pytest.approx(np.quantile(ranked, q), rel=1e-12, abs=1e-12)


@given(numbers=NUMBERS, q=SHARES)
def test_a_number_is_behind_where_more_than_the_share_is_below_it(
    numbers: list[float], q: float
) -> None:
    kept = Cutoff(q)
    for i, number in enumerate(numbers):
        below = sum(other < number for other in numbers[:i])
        assert kept.is_behind(number) == (below > q * (i + 1))
        kept.add(number)


def test_an_infinite_number_lies_above_all_and_spoils_nothing_below_it() -> None:
    median = Quantile(0.5)
    for number in (1.0, math.inf, math.inf):
        median.add(number)
    assert median.value == math.inf
    for number in (2.0, 3.0):
        median.add(number)
    assert median.value == 3.0


@pytest.mark.parametrize("q", [0.5, 0.75])
def test_between_two_numbers_whose_difference_overflows_is_a_number(q: float) -> None:
    kept = Quantile(q)
    for number in (-1.5e308, 1.5e308):
        kept.add(number)
    assert kept.value == (q - 0.5) * 2 * 1.5e308
