from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.parameters import (
    Kind,
    Parameter,
    kind_of,
    near,
    parse,
    show,
)

FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
LEVELS = st.sets(st.integers(1, 10**6), min_size=1, max_size=5).map(sorted)
VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.BOOL: st.booleans(),
    Kind.INT: st.integers(),
    Kind.FLOAT: FINITE | st.integers(-(2**53), 2**53),
    Kind.STR: st.text(),
    Kind.JSON: JSON,
    Kind.LEVELS: LEVELS,
    Kind.OFFSET: st.integers(0, 2**32 - 1),
}


def parameter(kind: Kind, **fields: Any) -> Parameter:
    return Parameter(name="p", default=None, kind=kind, **fields)


@st.composite
def parameters_with_value(draw: st.DrawFn) -> tuple[Parameter, Any]:
    kind = draw(st.sampled_from(Kind))
    optional = kind is not Kind.STR and draw(st.booleans())
    values = VALUES[kind] | st.none() if optional else VALUES[kind]
    return parameter(kind, optional=optional), draw(values)


@given(pair=parameters_with_value())
@example(pair=(parameter(Kind.STR), "a\\,b,\\"))
@example(pair=(parameter(Kind.JSON), "none"))
@example(pair=(parameter(Kind.JSON), None))
@example(pair=(parameter(Kind.BOOL), False))
def test_what_is_shown_is_parsed_back(pair: tuple[Parameter, Any]) -> None:
    which, value = pair
    which.check(value)
    assert parse(which, show(which, value)) == [value]


@pytest.mark.parametrize("name", GLOBALS)
def test_the_default_of_each_global_parameter_is_shown_and_parsed_back(name: str) -> None:
    which = GLOBALS[name]
    assert parse(which, show(which, which.default)) == [which.default]


@given(values=st.lists(st.text(st.characters(exclude_characters="\\")), min_size=1, unique=True))
def test_a_comma_list_gives_its_values_in_order(values: list[str]) -> None:
    which = parameter(Kind.STR)
    assert parse(which, ",".join(show(which, value) for value in values)) == values


@pytest.mark.parametrize(
    ("text", "value"),
    [("False", False), ("0", False), ("no", False), ("True", True), ("1", True), (" ON ", True)],
)
def test_a_truth_value_is_read_by_its_meaning(text: str, value: bool) -> None:
    # The system we succeed read the text "False" as true.
    assert parse(parameter(Kind.BOOL), text) == [value]


def test_a_list_default_is_read_as_a_list_not_as_letters() -> None:
    which = parameter(kind_of([]))
    assert parse(which, '[{"lr": 1}, {}]') == [[{"lr": 1}, {}]]
    assert parse(which, "[1, 2]") == [[1, 2]]


def test_levels_and_json_are_never_split_at_commas() -> None:
    assert parse(parameter(Kind.LEVELS), "1 3 9") == [[1, 3, 9]]
    with pytest.raises(UsageError, match="p is '1,3'; it must be ascending levels"):
        parse(parameter(Kind.LEVELS), "1,3")


@pytest.mark.parametrize(
    ("default", "kind"),
    [
        (True, Kind.BOOL),
        (0, Kind.INT),
        (0.5, Kind.FLOAT),
        ("", Kind.STR),
        (None, Kind.JSON),
        ([1], Kind.JSON),
        ({}, Kind.JSON),
    ],
)
def test_the_type_of_the_default_is_the_kind(default: object, kind: Kind) -> None:
    assert kind_of(default) is kind


@pytest.mark.parametrize(
    ("which", "text", "rule"),
    [
        (parameter(Kind.BOOL), "maybe", "p is 'maybe'; it must be a truth value"),
        (parameter(Kind.INT), "3.0", "p is '3.0'; it must be an integer"),
        (parameter(Kind.INT, minimum=1), "0", "p is 0; it must be an integer from 1 up"),
        (parameter(Kind.INT, minimum=1, optional=True), "x", "an integer from 1 up, or none"),
        (parameter(Kind.FLOAT), "fast", "p is 'fast'; it must be a finite number"),
        (parameter(Kind.FLOAT), "nan", "p is nan; it must be a finite number"),
        (parameter(Kind.FLOAT), "inf", "p is inf; it must be a finite number"),
        (parameter(Kind.FLOAT, above=0), "0", "p is 0.0; it must be a finite number above 0"),
        (parameter(Kind.INT, above=2, optional=True), "2", "an integer above 2, or none"),
        (parameter(Kind.FLOAT, minimum=0), "-1", "p is -1.0; it must be a finite number from 0 up"),
        (parameter(Kind.LEVELS), "3 1", r"p is \[3, 1\]; it must be ascending levels from 1 up"),
        (parameter(Kind.LEVELS), "0 1", r"p is \[0, 1\]; it must be ascending"),
        (parameter(Kind.LEVELS), "", r"p is \[\]; it must be ascending"),
        (parameter(Kind.LEVELS), "one", "p is 'one'; it must be ascending"),
        (parameter(Kind.JSON), "[NaN]", r"p is \[nan\]; it must be a JSON value"),
        (parameter(Kind.OFFSET), "-1", "p is -1; it must be an integer from 0 to"),
        (parameter(Kind.OFFSET), "4294967296", "it must be an integer from 0 to 2"),
        (parameter(Kind.OFFSET), "often", "p is 'often'; .* or 'random'"),
        (parameter(Kind.INT), "1,2,1", "p names 1 twice in '1,2,1'"),
        (GLOBALS["scheduler"], "fifp", "scheduler is 'fifp'; known: .* Did you mean 'fifo'?"),
    ],
)
def test_text_that_breaks_the_rule_is_refused(which: Parameter, text: str, rule: str) -> None:
    with pytest.raises(UsageError, match=rule):
        parse(which, text)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.BOOL, 1),
        (Kind.BOOL, "False"),
        (Kind.BOOL, None),
        (Kind.INT, True),
        (Kind.INT, 1.0),
        (Kind.INT, None),
        (Kind.FLOAT, False),
        (Kind.FLOAT, "1"),
        (Kind.FLOAT, math.nan),
        (Kind.FLOAT, -math.inf),
        (Kind.FLOAT, 2**53 + 1),
        (Kind.FLOAT, 10**400),
        (Kind.STR, 3),
        (Kind.JSON, Path()),
        (Kind.JSON, [math.inf]),
        (Kind.JSON, {"a": {1: 2}}),
        (Kind.LEVELS, [1, 1]),
        (Kind.LEVELS, [True, 2]),
        (Kind.LEVELS, "1 3"),
        (Kind.LEVELS, None),
        (Kind.OFFSET, True),
        (Kind.OFFSET, 2**32),
    ],
)
def test_a_value_that_breaks_the_rule_is_refused(kind: Kind, value: object) -> None:
    with pytest.raises(UsageError, match=r"^p is .*; it must be"):
        parameter(kind).check(value)


def test_none_is_a_value_only_where_the_parameter_says_so() -> None:
    assert parse(parameter(Kind.INT, optional=True), " None ") == [None]
    assert parse(parameter(Kind.INT, optional=True), "none,3") == [None, 3]
    assert parse(parameter(Kind.STR), "none") == ["none"]
    with pytest.raises(UsageError, match="p is 'none'; it must be an integer"):
        parse(parameter(Kind.INT), "none")


def test_a_random_offset_is_drawn_each_time() -> None:
    drawn = {parse(parameter(Kind.OFFSET), "random")[0] for _ in range(5)}
    # Five equal draws of 32 bits: once in 2**128.
    assert len(drawn) > 1
    assert all(0 <= value < 2**32 for value in drawn)


@given(minimum=st.integers(-5, 5), value=st.integers(-9, 9))
def test_the_minimum_itself_is_allowed(minimum: int, value: int) -> None:
    which = parameter(Kind.INT, minimum=minimum)
    if value >= minimum:
        assert parse(which, str(value)) == [value]
    else:
        with pytest.raises(UsageError, match=f"from {minimum} up"):
            parse(which, str(value))


@given(text=st.text(), kind=st.sampled_from(Kind))
def test_any_text_is_read_or_refused_never_anything_else(text: str, kind: Kind) -> None:
    assume(not (kind is Kind.OFFSET and text == "random"))
    try:
        values = parse(parameter(kind), text)
    except UsageError:
        return
    for value in values:
        parameter(kind).check(value)


def test_near_names_the_likest_or_nothing() -> None:
    assert near("num_worker", ("num_workers", "num_trials")) == " Did you mean 'num_workers'?"
    assert near("zzz", ("num_workers",)) == ""
    assert near("asha", ("fifo", "asha_stopping")) == " Did you mean 'asha_stopping'?"
    assert near("--lr", ("--lf",)) == "", "dashes make no likeness"
