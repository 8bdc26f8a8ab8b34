"""Multiples of a step: exact, within the bounds, each with its share; and what is refused."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.errors import UsageError
from pytest_synebench.space import (
    ConfigSpace,
    Domain,
    qlograndint,
    qloguniform,
    qrandint,
    qrandn,
    quniform,
)
from pytest_synebench.testing.spaces import QUANTISED


def exact(value: object) -> Fraction:
    return Fraction(repr(value))


@given(domain=QUANTISED, data=st.data())
def test_a_value_is_the_float_nearest_to_a_decimal_multiple(domain: Any, data: Any) -> None:
    q = exact(domain.to_json()["q"])
    value = domain.member(data.draw(st.integers(0, domain.size - 1)))
    k = round(exact(value) / q)
    assert value == (k * q if domain.value_type is int else float(k * q))


@given(domain=QUANTISED)
def test_values_are_all_the_multiples_within_the_bounds(domain: Any) -> None:
    q = exact(domain.to_json()["q"])
    first, last = domain.member(0), domain.member(domain.size - 1)
    assert domain.lower <= first
    assert last <= domain.upper
    assert float((round(exact(first) / q) - 1) * q) < domain.lower
    assert float((round(exact(last) / q) + 1) * q) > domain.upper
    assert domain.size == round((exact(last) - exact(first)) / q) + 1


@pytest.mark.parametrize(
    ("domain", "values", "midpoint"),
    [
        (quniform(0, 0.5, 0.1), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5], 0.2),
        (quniform(0.05, 0.35, 0.1), [0.1, 0.2, 0.3], 0.2),
        (quniform(-0.3, 0.3, 0.2), [-0.2, 0.0, 0.2], 0.0),
        (quniform(1, 2, 1.5), [1.5], 1.5),
        (qloguniform(0.1, 0.8, 0.1), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], 0.3),
        (qrandint(3, 17, 5), [5, 10, 15], 10),
        (qrandint(-7, 7, 5), [-5, 0, 5], 0),
        (qlograndint(1, 64, 16), [16, 32, 48, 64], 32),
    ],
    ids=repr,
)
def test_values_and_midpoints(domain: Domain, values: list[float], midpoint: float) -> None:
    assert [repr(domain.member(i)) for i in range(domain.size or 0)] == [repr(v) for v in values]
    assert domain.grid(10) == values
    assert repr(domain.midpoint()) == repr(midpoint)
    assert domain.value_type is type(midpoint)


def test_a_space_of_2_to_the_40_multiples_costs_no_list() -> None:
    domain = qloguniform(1e-9, 1000, 1e-9)
    assert domain.size == 10**12
    assert domain.midpoint() == 0.001
    assert domain.contains(domain.sample(Random(0)))
    assert ConfigSpace({"a": domain, "b": domain}).size == 10**24


def test_a_grid_of_many_multiples_goes_from_end_to_end() -> None:
    assert quniform(0, 100, 0.5).grid(3) == [0.0, 50.0, 100.0]
    assert quniform(0, 100, 0.5).grid(1) == [50.0]
    assert quniform(0, 1, 0.5).grid(3) == [0.0, 0.5, 1.0]
    with pytest.raises(UsageError, match="a grid of 0 values was asked for"):
        quniform(0, 100, 0.5).grid(0)


def test_multiples_are_drawn_with_equal_chance_first_and_last_included() -> None:
    # 5,000 fair draws of five: 6 standard deviations are 170; false alarm 1e-8.
    rng = Random(1)
    counts = Counter(quniform(0, 1, 0.25).sample(rng) for _ in range(5000))
    assert sorted(map(repr, counts)) == ["0.0", "0.25", "0.5", "0.75", "1.0"]
    assert all(abs(count - 1000) < 170 for count in counts.values())


@pytest.mark.parametrize("maker", [qloguniform, qlograndint])
def test_each_multiple_of_a_log_scale_gets_the_share_it_owns(maker: Any) -> None:
    rng = Random(2)
    counts = Counter(maker(5, 20, 5).sample(rng) for _ in range(10_000))
    for k in range(1, 5):
        share = (math.log(k + 0.5) - math.log(k - 0.5)) / math.log(9)
        deviation = math.sqrt(10_000 * share * (1 - share))
        assert abs(counts[5 * k] - 10_000 * share) < 6 * deviation


def test_a_place_is_that_of_the_middle_of_a_multiples_share() -> None:
    assert [quniform(0, 1, 0.25).to_unit(value) for value in (0, 0.5, 1)] == [0.1, 0.5, 0.9]
    assert [quniform(0, 1, 0.25).from_unit(place) for place in (-1, 0.19, 0.21, 2)] == [
        0,
        0,
        0.25,
        1,
    ]


def test_only_an_exact_multiple_within_the_bounds_is_contained() -> None:
    domain = quniform(0.05, 0.35, 0.1)
    assert domain.contains(0.3)
    assert not domain.contains(0.30000000000000004)
    assert not domain.contains(0.25)
    assert not domain.contains(0.0)
    assert not domain.contains(0.4)
    assert not domain.contains("0.3")
    assert not any(map(domain.contains, [math.nan, math.inf, 10**400, True, None]))
    assert qrandint(0, 10, 5).contains(5.0)
    assert not qrandint(0, 10, 5).contains(5.5)
    with pytest.raises(UsageError, match=r"0.25 is not in .*; it must be a multiple of 0.1 from"):
        domain.cast(0.25)


def test_numbers_are_taken_in_the_domains_own_form() -> None:
    numpy = pytest.importorskip("numpy")
    assert repr(quniform(0, 2, 0.5).cast(1)) == "1.0"
    assert repr(qrandint(0, 10, 5).cast(5.0)) == "5"
    assert repr(qrandint(0, 10, 5).cast(numpy.int64(5))) == "5"
    whole: Any = 5.0
    assert repr(qrandint(0, numpy.int64(10), whole)) == "qrandint(0, 10, 5)"
    assert repr(quniform(0, 1, 0.1)) == "quniform(0, 1, 0.1)"
    assert repr(quniform(-1, 1, 0.5).cast(-0.0)) == "0.0"


def test_neighbours_that_agree_in_seven_digits_do_not_match() -> None:
    domain = quniform(0, 1, 1e-9)
    assert domain.match_string(0.123456789) != domain.match_string(0.12345679)


@pytest.mark.parametrize(
    ("maker", "arguments", "text"),
    [
        (quniform, (1, 0, 0.1), "quniform: lower is 1, above upper, which is 0; swap them"),
        (quniform, (0, math.inf, 0.1), "quniform: upper is inf; it must be a finite number"),
        (quniform, (0, 1, "0.1"), "quniform: q is '0.1'; it must be a finite number"),
        (quniform, (0, 1, 0), r"quniform: q is 0; a step must be above 0 \(and from 1e-290 to"),
        (quniform, (0, 1, -0.1), "quniform: q is -0.1; a step must be above 0"),
        (quniform, (0, 1, 1e-300), "quniform: q is 1e-300; a step must be above 0"),
        (quniform, (0, 1e300, 1e291), r"quniform: q is 1e\+291; a step must be above 0"),
        (quniform, (0.11, 0.19, 0.1), r"quniform\(0.11, 0.19, 0.1\): no multiple of q lies within"),
        (quniform, (0, 1, 1e-13), r"the bounds lie more than 2\*\*40 steps from 0; make q greater"),
        (quniform, (-1, 0, 1e-13), r"the bounds lie more than 2\*\*40 steps from 0"),
        (qloguniform, (0, 1, 0.1), "qloguniform: lower is 0; a log scale has no place for 0"),
        (qlograndint, (0, 8, 2), "qlograndint: lower is 0; a log scale has no place for 0"),
        (qrandint, (0, 8, 0.5), "qrandint: q is 0.5; it must be a whole number"),
        (qrandint, (0, 8.5, 2), "qrandint: upper is 8.5; it must be a whole number"),
        (qrandint, (0, 8, 0), "qrandint: q is 0; a step must be above 0"),
        (qrandint, (9, 11, 4), "no multiple of q lies within the bounds; widen them or make q"),
        (qrandn, (0, 1, 0), "qrandn: q is 0; a step must be above 0"),
    ],
)
def test_a_broken_rule_is_named_with_the_value(maker: Any, arguments: Any, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        maker(*arguments)
