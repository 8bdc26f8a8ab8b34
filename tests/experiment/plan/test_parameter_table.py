from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.plan.parameter_table import GLOBALS, declared, resolve
from pytest_synebench.experiment.plan.parameters import Kind, parse

#: Falsy ones among them: a user's 0 counts as much as a user's 7.
INTEGERS = st.integers(-2, 2)
LAYER = st.dictionaries(st.sampled_from("abc"), INTEGERS)


@given(user=LAYER, ini=LAYER, variant=LAYER, benchmark=st.tuples(INTEGERS, INTEGERS, INTEGERS))
def test_the_strongest_layer_that_has_the_key_wins(
    user: dict[str, int],
    ini: dict[str, int],
    variant: dict[str, int],
    benchmark: tuple[int, int, int],
) -> None:
    table = declared(dict(zip("abc", benchmark, strict=True)))
    resolved = resolve(table, [("user", user), ("ini", ini), ("variant", variant)], "toy")
    for key, default in zip("abc", benchmark, strict=True):
        expected = user.get(key, ini.get(key, variant.get(key, default)))
        assert resolved[key] == expected


@pytest.mark.parametrize(
    ("weak", "falsy"),
    [(7, 0), ("text", ""), (True, False), (0.5, 0.0), ([1], []), ({"a": 1}, None)],
)
def test_a_falsy_value_of_the_user_counts(weak: object, falsy: object) -> None:
    table = declared({"p": weak})
    assert resolve(table, [("user", {"p": falsy}), ("variant", {"p": weak})], "toy")["p"] == falsy


def test_a_benchmarks_default_is_stronger_than_the_global_one() -> None:
    assert resolve(declared({}), [], "toy")["num_workers"] == GLOBALS["num_workers"].default == 4
    table = declared({"num_workers": 2, "scheduler_timeout": None})
    resolved = resolve(table, [("user", {"scheduler_timeout": 0})], "toy")
    assert (resolved["num_workers"], resolved["scheduler_timeout"]) == (2, 0)


def test_none_of_the_user_lifts_a_benchmarks_limit() -> None:
    table = declared({"scheduler_timeout": 60.0})
    value = parse(table["scheduler_timeout"], "none")[0]
    resolved = resolve(table, [("user", {"scheduler_timeout": value})], "toy")
    assert resolved["scheduler_timeout"] is None


@pytest.mark.parametrize(
    ("default", "text", "value"),
    [
        (True, "False", False),
        ([{"lr": 1}], "[]", []),
        (None, "3", 3),
        (None, "some words", "some words"),
        (3, "0", 0),
        (0.5, "0", 0.0),
        ("./", "", ""),
        ({}, '{"a": [1]}', {"a": [1]}),
    ],
)
def test_every_type_of_default_makes_an_option_of_that_type(
    default: object, text: str, value: object
) -> None:
    own = declared({"own": default})["own"]
    parsed = parse(own, text)
    assert parsed == [value]
    assert type(parsed[0]) is type(value)


def test_each_own_parameter_joins_the_global_ones() -> None:
    table = declared({"dataset_path": "./", "report_current_best": False})
    assert set(table) == {*GLOBALS, "dataset_path", "report_current_best"}
    assert table["report_current_best"].kind is Kind.BOOL


def test_a_global_parameter_keeps_its_rule_under_another_default() -> None:
    table = declared({"num_trials": 3})
    assert table["num_trials"].default == 3
    assert table["num_trials"].minimum == GLOBALS["num_trials"].minimum
    assert GLOBALS["num_trials"].default == 10


@pytest.mark.parametrize(
    ("defaults", "rule"),
    [
        ({"num-trials": 3}, "default_params has the key 'num-trials'; .*letters, digits and '_'"),
        ({3: 3}, "default_params has the key 3"),
        ({"num_trials": 0}, "num_trials is 0; it must be an integer from 1 up"),
        ({"num_trials": None}, "num_trials is None; it must be an integer"),
        ({"clip": math.nan}, "clip is nan; it must be a finite number"),
        ({"layers": {1, 2}}, "layers is {1, 2}; it must be a JSON value"),
    ],
)
def test_a_default_that_breaks_a_rule_is_refused(defaults: dict[Any, Any], rule: str) -> None:
    with pytest.raises(UsageError, match=rule):
        declared(defaults)


def test_an_unknown_key_is_refused_with_layer_and_likest_name() -> None:
    with pytest.raises(
        UsageError,
        match=r"toy \(variant small\) has no parameter 'num_worker'. Did you mean 'num_workers'?",
    ):
        resolve(declared({}), [("user", {}), ("variant small", {"num_worker": 1})], "toy")
    with pytest.raises(
        UsageError, match=r"no parameter 'xyzzy'. Known: aws, backend, .*checkpointing, "
    ):
        resolve(declared({}), [("user", {"xyzzy": 1})], "toy")


def test_a_value_of_a_weak_layer_is_checked_though_a_stronger_one_wins() -> None:
    with pytest.raises(UsageError, match="num_workers is 0; it must be an integer from 1 up"):
        resolve(declared({}), [("user", {"num_workers": 1}), ("ini", {"num_workers": 0})], "toy")


@pytest.mark.parametrize("name", GLOBALS)
def test_each_global_parameter_says_what_it_is_for(name: str) -> None:
    row = GLOBALS[name]
    row.check(row.default)
    assert row.name == name
    assert row.help
    assert not (row.kind is Kind.STR and row.optional)
