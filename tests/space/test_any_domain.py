"""Rules of every domain, over any domain Hypothesis can think of."""

from __future__ import annotations

import json
import math
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pytest_synebench.space as language
from pytest_synebench.errors import UsageError
from pytest_synebench.space import (
    Domain,
    domain_from_json,
)
from pytest_synebench.testing.spaces import DOMAINS, FINITE, FLOATS, NORMALS, SCALARS

PLACES = st.floats(0, 1)


@given(domain=DOMAINS, seed=st.integers())
def test_what_is_sampled_is_contained_and_of_the_type(domain: Domain, seed: int) -> None:
    rng = Random(seed)
    for _ in range(5):
        value = domain.sample(rng)
        assert domain.contains(value)
        assert domain.value_type is object or type(value) in {domain.value_type, int, type(None)}


@given(domain=DOMAINS, place=PLACES)
def test_every_place_of_the_unit_interval_holds_a_value(domain: Domain, place: float) -> None:
    assert domain.contains(domain.from_unit(place))


@given(domain=DOMAINS)
def test_the_midpoint_is_contained(domain: Domain) -> None:
    assert domain.contains(domain.midpoint())


@given(domain=DOMAINS, num=st.integers(1, 9))
def test_a_grid_holds_different_values_of_the_domain(domain: Domain, num: int) -> None:
    values = domain.grid(num)
    assert values
    assert all(domain.contains(value) for value in values)
    assert len({domain.match_string(value) for value in values}) == len(values)


@given(domain=FINITE, data=st.data())
def test_in_finite_domains_a_value_comes_back_from_its_place(domain: Domain, data: Any) -> None:
    value = domain.member(data.draw(st.integers(0, (domain.size or 1) - 1)))
    place = domain.to_unit(value)
    assert 0 <= place <= 1
    back = domain.from_unit(place)
    assert back == value
    assert type(back) is type(value)


@given(domain=FLOATS, place=PLACES)
def test_a_float_comes_back_from_its_place_up_to_rounding(domain: Any, place: float) -> None:
    value = domain.from_unit(place)
    there = domain.to_unit(value)
    assert 0 <= there <= 1
    back = domain.from_unit(there)
    # A log scale of 1e308 holds 1,400 units of log, each with 2**-53 of rounding per operation.
    largest = max(abs(domain.lower), abs(domain.upper)) if "log" not in repr(domain) else value
    assert math.isclose(back, value, rel_tol=1e-11, abs_tol=1e-11 * largest)


@given(domain=NORMALS, place=PLACES)
def test_a_place_comes_back_from_its_value_where_there_are_no_bounds(
    domain: Any, place: float
) -> None:
    # Half a step of qrandn is a stretch of places of its own, and so is the last bit of a value.
    half = max(domain.to_json().get("q", 0.0), math.ulp(domain.mean) + math.ulp(domain.sd * 9)) / 2
    there = domain.to_unit(domain.from_unit(place))
    # The density is at most 0.4 / sd; 2**-53 is the end of the places that are drawn.
    assert abs(there - place) <= 1e-13 + 0.4 * 2.1 * half / domain.sd


@given(domain=FLOATS)
def test_the_ends_of_an_interval_are_exact(domain: Any) -> None:
    assert domain.from_unit(0.0) == domain.lower
    assert domain.from_unit(1.0) == domain.upper


@given(domain=DOMAINS)
def test_a_domain_survives_json_and_repr(domain: Domain) -> None:
    text = json.dumps(domain.to_json(), allow_nan=False)
    assert domain_from_json(json.loads(text)) == domain
    again = eval(repr(domain), {**vars(language)})
    assert again == domain
    assert hash(again) == hash(domain)


@given(domain=DOMAINS, value=st.one_of(SCALARS, st.floats(), st.lists(st.integers()), st.binary()))
def test_contains_answers_for_any_value_and_cast_agrees(domain: Domain, value: object) -> None:
    if domain.contains(value):
        own = domain.cast(value)
        assert own == value or domain.match_string(own) == domain.match_string(value)
        assert domain.contains(own)
    else:
        with pytest.raises(UsageError, match="is not in"):
            domain.cast(value)


@given(domain=FINITE, data=st.data())
def test_different_values_of_a_finite_domain_never_match(domain: Domain, data: Any) -> None:
    indices = st.integers(0, (domain.size or 1) - 1)
    first, second = data.draw(indices), data.draw(indices)
    matches = domain.match_string(domain.member(first)) == domain.match_string(
        domain.member(second)
    )
    assert matches == (first == second)
