"""Each domain by example, worked by hand; and what each refuses."""

from __future__ import annotations

import math
from collections import Counter
from random import Random
from typing import Any

import pytest

from pytest_synebench.errors import UsageError
from pytest_synebench.space import (
    Domain,
    choice,
    domain_from_json,
    finrange,
    logfinrange,
    logordinal,
    lograndint,
    loguniform,
    ordinal,
    randint,
    reverseloguniform,
    uniform,
)


@pytest.mark.parametrize(
    ("domain", "midpoint"),
    [
        (randint(4, 1024), 514),
        (randint(8, 128), 68),
        (randint(8, 256), 132),
        (uniform(0, 0.99), 0.495),
        (uniform(0.1, 2), 1.05),
        (loguniform(1e-6, 1), 1e-3),
        (loguniform(1e-8, 1), 1e-4),
        (loguniform(1e-5, 1e-3), 1e-4),
        (loguniform(1e-3, 0.1), 0.01),
        (loguniform(1, 50), 50**0.5),
        (loguniform(1, 100), 10.0),
        (reverseloguniform(0.9, 0.999), 0.99),
        (lograndint(64, 1024), 256),
        (lograndint(16, 512), 91),  # 90.51
        (choice(["skip", "conv"]), "skip"),
        (ordinal(["s", "m", "l"]), "m"),
        (ordinal([1, 2, 10]), 2),
        (logordinal([1, 10, 100]), 10),
        (finrange(0, 0.6, 3), 0.3),
        (logfinrange(8, 64, 4, cast_int=True), 32),
    ],
    ids=repr,
)
def test_midpoints_are_those_of_the_original(domain: Domain, midpoint: object) -> None:
    found = domain.midpoint()
    assert found == midpoint or found == pytest.approx(midpoint, rel=1e-12)
    assert type(found) is type(midpoint)


def test_integers_are_drawn_with_equal_chance_bounds_included() -> None:
    # 6,000 fair draws of six: 6 standard deviations are 173; false alarm 1e-8.
    rng = Random(1)
    counts = Counter(randint(3, 8).sample(rng) for _ in range(6000))
    assert sorted(counts) == [3, 4, 5, 6, 7, 8]
    assert all(abs(count - 1000) < 173 for count in counts.values())


def test_each_integer_of_a_log_scale_gets_the_share_it_owns() -> None:
    rng = Random(2)
    counts = Counter(lograndint(1, 4).sample(rng) for _ in range(10_000))
    # k owns log(k + 1/2) - log(k - 1/2) of log(9): 1 and 4 are not cut to one half of it.
    for k in range(1, 5):
        share = (math.log(k + 0.5) - math.log(k - 0.5)) / math.log(9)
        deviation = math.sqrt(10_000 * share * (1 - share))
        assert abs(counts[k] - 10_000 * share) < 6 * deviation


def test_nearest_values_own_half_of_the_way_to_their_neighbours() -> None:
    domain = ordinal([0, 1, 9])  # average distance 4.5: the interval is from -2.25 to 11.25
    assert [domain.from_unit((x + 2.25) / 13.5) for x in (-2, 0.4, 0.6, 4.9, 5.1, 11)] == [
        0,
        0,
        1,
        1,
        9,
        9,
    ]


def test_values_that_round_to_one_integer_are_one_value() -> None:
    assert finrange(1, 3, 9, cast_int=True).values == (1, 2, 3)


def test_bounds_of_a_range_are_exact() -> None:
    values = logfinrange(0.1, 0.7, 7).values
    assert (values[0], values[-1]) == (0.1, 0.7)
    assert finrange(0.1, 0.7, 7).values[-1] == 0.7


def test_true_is_not_one() -> None:
    assert not randint(0, 1).contains(True)
    assert not uniform(0, 1).contains(True)
    assert not choice([0, 1]).contains(True)
    assert not choice([True, False]).contains(1)
    assert choice([True, False]).contains(False)
    assert choice([True]) != choice([1])


def test_none_can_be_a_category() -> None:
    assert choice([None, 0.5]).contains(None)
    assert not choice(["None"]).contains(None)


def test_numbers_are_taken_for_what_they_are_worth() -> None:
    numpy = pytest.importorskip("numpy")
    assert repr(uniform(0, 2).cast(1)) == "1.0"
    assert repr(randint(0, 2).cast(1.0)) == "1"
    assert repr(randint(0, 2).cast(numpy.int64(1))) == "1"
    assert repr(uniform(0, 2).cast(numpy.float32(0.5))) == "0.5"
    assert repr(choice([1, 2]).cast(numpy.int64(2))) == "2"
    assert repr(choice(["a"]).cast(numpy.str_("a"))) == "'a'"
    assert not randint(0, 1).contains(numpy.bool_(True))
    assert not randint(0, 2).contains(1.5)
    assert not randint(0, 2).contains("1")
    assert repr(randint(numpy.int64(4), 8)) == "randint(4, 8)"


def test_value_types() -> None:
    assert choice(["a", "b"]).value_type is str
    assert choice([True, False]).value_type is bool
    assert choice([1, 0.5]).value_type is float
    assert choice([1, "a"]).value_type is object
    assert choice([None, 1]).value_type is int
    assert choice([None]).value_type is type(None)
    assert logfinrange(8, 64, 4, cast_int=True).value_type is int


def test_grids_go_from_bound_to_bound() -> None:
    assert uniform(0, 1).grid(5) == [0, 0.25, 0.5, 0.75, 1]
    assert loguniform(1, 100).grid(1) == [10]
    assert randint(1, 9).grid(3) == [1, 5, 9]
    assert randint(1, 3).grid(5) == [1, 2, 3]
    assert choice(["a", "b", "c"]).grid(2) == ["a", "b", "c"]
    with pytest.raises(UsageError, match="a grid of 0 values was asked for"):
        uniform(0, 1).grid(0)


def test_floats_match_by_seven_digits() -> None:
    domain = uniform(0, 1)
    assert domain.match_string(0.1234567) == domain.match_string(0.12345671)
    assert domain.match_string(0.1234567) != domain.match_string(0.1234568)
    assert uniform(-1, 1).match_string(-0.0) == uniform(-1, 1).match_string(0)
    assert repr(uniform(-0.0, 1).from_unit(0)) == "0.0"


@pytest.mark.parametrize(
    ("maker", "arguments", "text"),
    [
        (uniform, (1, 0), "uniform: lower is 1, above upper, which is 0; swap them"),
        (uniform, (0, math.inf), "uniform: upper is inf; it must be a finite number"),
        (uniform, (math.nan, 1), "uniform: lower is nan"),
        (uniform, ("0", 1), "uniform: lower is '0'; it must be a finite number"),
        (uniform, (True, 2), "uniform: lower is True"),
        (uniform, (0, 10**400), "uniform: upper is 1000"),
        (uniform, (-1e308, 1e308), "overflows a float; narrow it"),
        (loguniform, (0, 1), "loguniform: lower is 0; a log scale has no place for 0"),
        (lograndint, (0, 8), "lograndint: lower is 0; a log scale has no place for 0"),
        (reverseloguniform, (0.5, 1), "0 <= lower <= upper < 1 must hold"),
        (reverseloguniform, (-0.5, 0.5), "0 <= lower <= upper < 1 must hold"),
        (randint, (1, 2.5), "randint: upper is 2.5; it must be a whole number"),
        (randint, (1, math.inf), "randint: upper is inf; it must be a whole number"),
        (randint, (3, 2), "randint: lower is 3, above upper"),
        (randint, (0, 2**41), r"it must lie within 2\*\*40 of 0"),
        (choice, ([],), "choice: categories is empty"),
        (choice, ("abc",), "choice: categories is 'abc'; it must be a list"),
        (choice, (3,), "choice: categories is 3; it must be a list"),
        (choice, ([1, 1.0],), "categories 1 and 1.0 are one value"),
        (choice, ([1, "1"],), "categories 1 and '1' are one value, or read the same"),
        (choice, ([[1]],), r"categories\[0\] is \[1\], a list; it must be a plain str"),
        (choice, ([math.nan],), "which is not finite; write it as text, 'nan'"),
        (choice, (["a\0b"],), r"is 'a\\x00b'; no command line can hold its NUL"),
        (choice, (["\ud800"],), "no command line can hold its NUL or surrogate characters"),
        (ordinal, ([2, 1], "nn"), "kind 'nn' needs rising numbers; sort them"),
        (ordinal, ([0, 1], "nn-log"), "kind 'nn-log' needs rising positive numbers"),
        (ordinal, ([1, 2], "near"), "kind is 'near'; it must be one of nn, nn-log, equal"),
        (ordinal, ([0, 1e-300, 1], "nn"), "too near its neighbour .* use kind='equal'"),
        (finrange, (0, 1, 1), "finrange: size is 1 from 0 to 1; it takes a size from 2 up"),
        (finrange, (1, 1, 3), "use a constant for a single value"),
        (finrange, (0, 1, 2, 1), "cast_int is 1; it must be True or False"),
        (logfinrange, (0, 1, 3), "logfinrange: lower is 0; a log scale begins above 0"),
    ],
)
def test_a_broken_rule_is_named_with_the_value(maker: Any, arguments: Any, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        maker(*arguments)


def test_json_of_no_domain_is_refused() -> None:
    with pytest.raises(UsageError, match="domain is 'normal'; it must be one of uniform"):
        domain_from_json({"domain": "normal"})
    with pytest.raises(UsageError, match="uniform does not take the arguments"):
        domain_from_json({"domain": "uniform", "lower": 1})
