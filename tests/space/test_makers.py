"""Narrowing a domain: which values are left, and what cannot be narrowed."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_synebench.errors import UsageError
from pytest_synebench.space import (
    ConfigSpace,
    Domain,
    choice,
    config_space_size,
    finrange,
    logfinrange,
    logordinal,
    lograndint,
    loguniform,
    ordinal,
    qlograndint,
    qrandn,
    quniform,
    randint,
    randn,
    restrict_domain,
    reverseloguniform,
    uniform,
)
from pytest_synebench.testing.spaces import FLOATS, INTEGERS, QUANTISED

RANGES = st.one_of(
    FLOATS, INTEGERS, QUANTISED, st.just(finrange(0.1, 0.7, 7)), st.just(logordinal([1, 8, 64]))
)


@given(domain=RANGES, places=st.tuples(*[st.floats(0, 1)] * 3))
def test_a_narrowed_domain_contains_just_what_lies_within(domain: Any, places: Any) -> None:
    one, other, value = (domain.from_unit(place) for place in places)
    lower, upper = min(one, other), max(one, other)
    narrowed = restrict_domain(domain, lower, upper)
    assert type(narrowed) is type(domain)
    assert narrowed.contains(value) == (lower <= value <= upper)
    assert lower <= narrowed.midpoint() <= upper
    assert domain.contains(narrowed.midpoint())


@given(domain=RANGES, place=st.floats(0, 1))
def test_a_bound_outside_of_the_domain_is_refused(domain: Any, place: float) -> None:
    inside = domain.from_unit(place)
    written = domain.to_json()
    first = written.get("lower", domain.from_unit(0.0))
    last = written.get("upper", domain.from_unit(1.0))
    assume(abs(first) < 1e307 and abs(last) < 1e307)
    for lower, upper in [(first - 1 - abs(first), inside), (inside, last + 1 + abs(last))]:
        with pytest.raises(UsageError, match=r"to narrow .* it must lie from"):
            restrict_domain(domain, lower, upper)


@pytest.mark.parametrize(
    ("domain", "bounds", "narrowed"),
    [
        (loguniform(1, 50), (2, 5), loguniform(2, 5)),
        (reverseloguniform(0, 0.99), (0.5, 0.9), reverseloguniform(0.5, 0.9)),
        (lograndint(1, 64), (2, 8.0), lograndint(2, 8)),
        (quniform(0, 1, 0.1), (0.25, 0.75), quniform(0.25, 0.75, 0.1)),
        (qlograndint(8, 512, 8), (8, 64), qlograndint(8, 64, 8)),
        (finrange(0, 1, 5), (0.25, 0.8), ordinal([0.25, 0.5, 0.75], kind="equal")),
        (logfinrange(8, 64, 4, cast_int=True), (9, 32), ordinal([16, 32], kind="equal")),
        (logordinal([1, 10, 100]), (1, 10), logordinal([1, 10])),
        (ordinal([1, 2, 10]), (2, 2), ordinal([2])),
    ],
    ids=repr,
)
def test_the_kind_stays_what_it_was(domain: Domain, bounds: Any, narrowed: Domain) -> None:
    assert restrict_domain(domain, *bounds) == narrowed


@pytest.mark.parametrize(
    ("domain", "bounds", "text"),
    [
        (
            loguniform(1, 50),
            (1, 60),
            r"upper is 60; to narrow loguniform\(1, 50\) it must lie from",
        ),
        (loguniform(1, 50), (0.5, 9), "restrict_domain: lower is 0.5; .* must lie from 1 to 50"),
        (uniform(0, 1), (0.5, math.nan), "restrict_domain: upper is nan"),
        (uniform(0, 1), ("0", 1), "restrict_domain: lower is '0'"),
        (uniform(0, 1), (0.8, 0.2), "restrict_domain: lower is 0.8, above upper, which is 0.2"),
        (ordinal([1, 5]), (5, 1), "restrict_domain: lower is 5, above upper, which is 1"),
        (randint(0, 9), (0.5, 3), "randint: lower is 0.5; it must be a whole number"),
        (quniform(0, 1, 0.5), (0.1, 0.4), "no multiple of q lies within the bounds"),
        (ordinal([1, 2, 10]), (3, 9), r"has no value from 3 to 9; widen the bounds"),
        (finrange(0, 1, 5), (-1, 1), "lower is -1; .* it must lie from 0 to 1"),
        (choice([1, 2, 3]), (1, 2), r"choice\(\[1, 2, 3\]\) is no range of numbers; write the"),
        (ordinal(["s", "m"]), (0, 1), "is no range of numbers; write the domain that is meant"),
        (ordinal([True, 2]), (1, 2), "is no range of numbers"),
        (ordinal([2, 1]), (1, 2), "is no range of numbers"),
        (randn(0, 1), (-1, 1), r"randn\(0, 1\) is no range of numbers"),
        (qrandn(0, 1, 1), (-1, 1), "is no range of numbers"),
    ],
)
def test_what_cannot_be_narrowed_is_refused(domain: Domain, bounds: Any, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        restrict_domain(domain, *bounds)


def test_the_size_of_a_space_is_the_number_of_its_configs() -> None:
    space: dict[str, Any] = {
        "a": randint(1, 3),
        "b": quniform(0, 1, 0.5),
        "c": choice(["x", "y"]),
        "epochs": 81,
    }
    assert config_space_size(space) == 18
    assert config_space_size(ConfigSpace(space)) == 18
    assert config_space_size({"epochs": 81}) == 1
    assert config_space_size({**space, "lr": uniform(0, 1)}) is None
    assert config_space_size({**space, "lr": qrandn(0, 1, 1)}) is None
