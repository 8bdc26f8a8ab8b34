"""The normal distribution: against the standard library's own, and out to the ends of chance."""

from __future__ import annotations

import math
from random import Random
from statistics import NormalDist
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.errors import UsageError
from pytest_synebench.space import Domain, qrandn, randn
from pytest_synebench.testing.spaces import NORMALS


@given(place=st.floats(2.0**-53, 1 - 2.0**-53))
def test_values_are_those_of_the_standard_librarys_distribution(place: float) -> None:
    value = randn(0, 1).from_unit(place)
    assert math.isclose(value, NormalDist().inv_cdf(place), rel_tol=1e-12, abs_tol=1e-15)
    assert math.isclose(randn(0, 1).to_unit(value), place, rel_tol=1e-12)
    assert randn(3, 0.5).from_unit(place) == 3 + 0.5 * value


def test_values_are_exact_but_for_rounding_out_to_the_ends() -> None:
    places = [i / 1000 for i in range(1, 1000)] + [2.0**-k for k in range(1, 54)]
    differences = [randn(0, 1).from_unit(p) - NormalDist().inv_cdf(p) for p in places]
    # 8 has an ulp of 1.8e-15; a step of Newton's method fewer leaves 5e-14.
    assert max(map(abs, differences)) < 1e-14


@given(domain=NORMALS, place=st.floats(allow_nan=False))
def test_every_draw_is_finite(domain: Any, place: float) -> None:
    assert math.isfinite(domain.from_unit(place))


@given(domain=NORMALS)
def test_the_median_draw_is_the_mean(domain: Any) -> None:
    q = domain.to_json().get("q", 0.0)
    assert abs(domain.from_unit(0.5) - domain.mean) <= q / 2 * (1 + 1e-9)
    assert domain.midpoint() == domain.from_unit(0.5)


@given(domain=NORMALS, places=st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted))
def test_a_higher_place_holds_no_lower_value(domain: Any, places: list[float]) -> None:
    low, high = places
    # Newton's method may leave the last bit or two wrong, which two near places then show.
    slack = 1e-12 * (abs(domain.mean) + 9 * domain.sd) + domain.to_json().get("q", 0.0)
    assert domain.from_unit(low) <= domain.from_unit(high) + slack * (high - low < 1e-12)


def test_draws_have_the_mean_and_the_standard_deviation() -> None:
    rng = Random(3)
    draws = [randn(5, 2).sample(rng) for _ in range(10_000)]
    # Standard errors: 0.02 of the mean, 0.0141 of the deviation; six of them: false alarm 1e-8.
    mean = sum(draws) / len(draws)
    assert abs(mean - 5) < 6 * 0.02
    assert abs(math.sqrt(sum((x - mean) ** 2 for x in draws) / len(draws)) - 2) < 6 * 0.0142


def test_a_multiple_takes_what_rounds_to_it() -> None:
    domain = qrandn(0, 1, 0.5)
    below = NormalDist().cdf
    assert [domain.from_unit(below(z)) for z in (-0.76, -0.74, 0.24, 0.26)] == [-1, -0.5, 0, 0.5]
    # A half goes to the even multiple, so that neither side of the mean gains.
    assert [qrandn(mean, 1, 1).midpoint() for mean in (-1.5, -0.5, 0.5, 1.5)] == [-2, 0, 0, 2]
    assert qrandn(0, 1, 0.1).from_unit(0.6179) == 0.3


def test_multiples_are_distinct_in_far_digits() -> None:
    domain = qrandn(1, 1, 1e-9)
    assert domain.match_string(1.123456789) != domain.match_string(1.12345679)
    assert randn(1, 1).match_string(1.123456789) == randn(1, 1).match_string(1.12345679)


def test_grids_are_equally_likely_stretches_middles() -> None:
    assert randn(3, 2).grid(1) == [3.0]
    expected = [3 + 2 * NormalDist().inv_cdf(p) for p in (1 / 6, 1 / 2, 5 / 6)]
    assert randn(3, 2).grid(3) == pytest.approx(expected, rel=1e-12)
    assert qrandn(0, 1, 1).grid(9) == [-2, -1, 0, 1, 2]
    with pytest.raises(UsageError, match="a grid of 0 values was asked for"):
        randn(0, 1).grid(0)


def test_any_finite_number_is_contained_and_any_exact_multiple() -> None:
    domain: Domain = randn(0, 1)
    assert all(map(domain.contains, [1e308, -1e308, 3, 0.5]))
    assert not any(map(domain.contains, [math.nan, math.inf, -math.inf, 10**400, True, "1", None]))
    assert [domain.to_unit(value) for value in (-1e308, 0, 1e308)] == [0, 0.5, 1]
    domain = qrandn(0, 1, 0.1)
    assert all(map(domain.contains, [0.3, -0.3, 30, 2**40 / 10]))
    assert not any(map(domain.contains, [0.25, 3 * 0.1, math.nan, math.inf, 10**400, 2e11, True]))
    assert domain.size is None
    assert domain.value_type is float


def test_repr_is_the_call() -> None:
    assert repr(randn(0, 0.5)) == "randn(0, 0.5)"
    assert repr(qrandn(0, 1, 0.1)) == "qrandn(0, 1, 0.1)"


@pytest.mark.parametrize(
    ("maker", "arguments", "text"),
    [
        (randn, (math.nan, 1), "randn: mean is nan; it must be a finite number"),
        (randn, (0, "1"), "randn: sd is '1'; it must be a finite number"),
        (randn, (0, 0), r"randn\(0, 0\): sd, the standard deviation, must be above 0; use a const"),
        (randn, (0, -1), r"randn\(0, -1\): sd, the standard deviation, must be above 0"),
        (randn, (1e308, 1e308), "overflows a float; make mean or sd smaller"),
        (qrandn, (0, 1, math.inf), "qrandn: q is inf; it must be a finite number"),
        (qrandn, (1e6, 1, 1e-7), r"draws may lie more than 2\*\*40 steps from 0; make q greater"),
    ],
)
def test_a_broken_rule_is_named_with_the_value(maker: Any, arguments: Any, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        maker(*arguments)


@pytest.mark.parametrize(
    ("domain", "value", "text"),
    [
        (randn(0, 1), "1", r"'1' is not in randn\(0, 1\); it must be a finite number"),
        (qrandn(0, 1, 0.5), 0.3, r"0.3 is not in .*must be a multiple of 0.5, within 2\*\*40 of"),
    ],
)
def test_what_is_not_contained_is_named(domain: Domain, value: object, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        domain.cast(value)
