from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from toy_plan import toy_params, toy_plan

from pytest_synebench.errors import BenchmarkError, UsageError
from pytest_synebench.experiment.plan.plan import expand, parse_groups, setup_id
from pytest_synebench.trial import TrialId

VALUES = st.one_of(
    st.text(),
    st.text("ab-=,[]:/\\ ~", max_size=60),
    st.text("a", min_size=35, max_size=300),
    st.integers(),
    st.floats(allow_nan=False),
    st.booleans(),
    st.none(),
)
SAFE_PART = re.compile(r"[A-Za-z0-9_.+=~-]{1,200}")


def id_of(a: object, b: object = "") -> str:
    return setup_id("v", {**toy_params(), "a": a, "b": b}, ("a", "b"))


# -- lists ---------------------------------------------------------------------------------------


def combinations(lists: dict[str, list[Any]], groups: str, *names: str) -> list[tuple[Any, ...]]:
    setups = expand(lists, parse_groups(groups))
    return [tuple(setup[name] for name in names) for setup in setups]


def test_two_schedulers_times_two_searchers_are_four_experiments() -> None:
    lists: dict[str, list[Any]] = {
        "scheduler": ["fifo", "hyperband_stopping"],
        "searcher": ["bayesopt", "random"],
        "scheduler_timeout": [120],
    }
    assert combinations(lists, "", "scheduler", "searcher") == [
        ("fifo", "bayesopt"),
        ("fifo", "random"),
        ("hyperband_stopping", "bayesopt"),
        ("hyperband_stopping", "random"),
    ]


def test_a_zipped_pair_times_three_levels_is_six_experiments() -> None:
    lists: dict[str, list[Any]] = {
        "scheduler": ["hyperband_stopping", "fifo"],
        "searcher": ["bayesopt", "random"],
        "max_resource_level": [9, 27, 81],
    }
    found = combinations(lists, "scheduler searcher", "scheduler", "searcher", "max_resource_level")
    assert found == [
        *[("hyperband_stopping", "bayesopt", level) for level in (9, 27, 81)],
        *[("fifo", "random", level) for level in (9, 27, 81)],
    ]


def test_two_zipped_pairs_are_four_experiments() -> None:
    lists: dict[str, list[Any]] = {
        "scheduler": ["hyperband_stopping", "fifo"],
        "searcher": ["bayesopt", "random"],
        "max_resource_level": [27, 81],
        "scheduler_timeout": [120, 240],
    }
    groups = "scheduler searcher|max_resource_level scheduler_timeout"
    assert combinations(lists, groups, *lists) == [
        ("hyperband_stopping", "bayesopt", 27, 120),
        ("hyperband_stopping", "bayesopt", 81, 240),
        ("fifo", "random", 27, 120),
        ("fifo", "random", 81, 240),
    ]


@given(lengths=st.lists(st.integers(1, 3), max_size=4))
def test_without_groups_every_combination_comes_once_in_the_users_order(
    lengths: list[int],
) -> None:
    lists = {f"p{i}": list(range(length)) for i, length in enumerate(lengths)}
    rows = [tuple(setup.values()) for setup in expand(lists)]
    assert rows == sorted(set(rows))
    expected = 1
    for length in lengths:
        expected *= length
    assert len(rows) == expected


@given(length=st.integers(1, 5), others=st.integers(1, 3))
def test_grouped_lists_move_together(length: int, others: int) -> None:
    lists = {"a": list(range(length)), "x": list(range(others)), "b": list(range(length))}
    setups = expand(lists, [("b", "a")])
    assert len(setups) == length * others
    assert all(setup["a"] == setup["b"] for setup in setups)


@pytest.mark.parametrize(
    ("groups", "rule"),
    [
        ("a num_worker", "argument_groups names 'num_worker', .* Did you mean 'num_workers'?"),
        ("a b|a c", "argument_groups names 'a' twice"),
        ("a a", "argument_groups names 'a' twice"),
        ("a num_workers", r"unequal length \(a 2, num_workers 3\)"),
    ],
)
def test_groups_that_cannot_be_zipped_are_refused(groups: str, rule: str) -> None:
    lists = {"a": [1, 2], "b": [3, 4], "c": [5, 6], "num_workers": [1, 2, 3]}
    with pytest.raises(UsageError, match=rule):
        expand(lists, parse_groups(groups))


def test_empty_groups_are_no_groups() -> None:
    assert parse_groups(" | a  b ||") == [("a", "b")]


# -- ids -----------------------------------------------------------------------------------------


@given(one=st.tuples(VALUES, VALUES), other=st.tuples(VALUES, VALUES))
@example(one=("x-b=y", "z"), other=("x", "y-b=z"))
@example(one=("a/b", ""), other=("a_b", ""))
@example(one=("a" * 300, ""), other=("a" * 299 + "b", ""))
def test_setups_with_different_values_have_different_ids(
    one: tuple[object, object], other: tuple[object, object]
) -> None:
    assume(tuple(map(str, one)) != tuple(map(str, other)))
    assert id_of(*one) != id_of(*other)


@given(value=VALUES, other=VALUES)
@example(value="a[1]::b/c", other="../..")
@example(value="\ud800\n", other="é" * 400)
def test_an_id_is_a_file_name_and_a_part_of_a_node_id(value: object, other: object) -> None:
    assert SAFE_PART.fullmatch(id_of(value, other))


@given(variant=VALUES.map(str))
@example(variant="a" * 300)
@example(variant="small-../../x[1]::y")
def test_a_variant_joined_with_other_ids_is_safe_too(variant: str) -> None:
    # Ids of other fixtures' params are joined to the variant's; pytest lets them be anything.
    text = setup_id(variant, toy_params(), ())
    assert not set(text) & set("/\\[]: \0\n")
    assert len(text.encode()) <= 255
    assert text != setup_id(variant + "/", toy_params(), ())


def test_a_plain_variant_stands_in_the_id_as_it_is() -> None:
    assert setup_id("größe_2.b-adam", toy_params(), ()) == "größe_2.b-adam-fifo-random"


def test_many_long_values_still_make_a_file_name() -> None:
    keys = tuple(f"parameter_number_{i}" for i in range(12))
    texts = [
        setup_id("v", toy_params(**dict.fromkeys(keys, "x" * 30), last=last), (*keys, "last"))
        for last in (1, 2)
    ]
    assert len(set(texts)) == 2
    assert all(SAFE_PART.fullmatch(text) and text.startswith("v-fifo-random-") for text in texts)


def test_plain_values_stand_in_the_id_as_they_are(tmp_path: Path) -> None:
    plan = toy_plan(
        tmp_path,
        scheduler="hyperband_promotion",
        num_workers=2,
        scheduler_timeout=0.5,
        listed=("scheduler", "num_workers", "scheduler_timeout"),
        run_id=3,
    )
    assert plan.setup == "small-asha_promotion-random-num_workers=2-scheduler_timeout=0.5"
    assert plan.id == plan.setup + "-r3"
    assert plan.name == "toy::" + plan.id


def test_what_is_not_listed_does_not_stand_in_the_id(tmp_path: Path) -> None:
    assert toy_plan(tmp_path, num_workers=7).setup == "small-fifo-random"


# -- seeds ---------------------------------------------------------------------------------------


@given(offset=st.integers(0, 2**32 - 1), run_id=st.integers(0, 2**33))
@example(offset=2**32 - 1, run_id=1)
def test_the_seed_is_offset_plus_run_id(
    tmp_path_factory: pytest.TempPathFactory, offset: int, run_id: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    plan = toy_plan(folder, random_seed_offset=offset, run_id=run_id)
    assert plan.seed == (offset + run_id) % 2**32
    assert 0 <= plan.trial_seed(TrialId(0)) < 2**32


def test_trials_have_seeds_of_their_own_and_keep_them(tmp_path: Path) -> None:
    plans = [toy_plan(tmp_path, run_id=run_id) for run_id in (0, 1)]
    seeds = [plan.trial_seed(TrialId(i)) for plan in plans for i in range(50)]
    assert len(set(seeds)) == 100
    # Written down: another seed tomorrow would make yesterday's runs another experiment.
    assert seeds[:2] == [517630478, 204847383]
    again = toy_plan(tmp_path, scheduler="asha_stopping", num_workers=1)
    assert again.trial_seed(TrialId(0)) == seeds[0]


# -- checks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("run_id", [-1, True])
def test_a_run_id_is_an_integer_from_0_up(tmp_path: Path, run_id: int) -> None:
    with pytest.raises(UsageError, match=f"run_id is {run_id}; it must be an integer from 0 up"):
        toy_plan(tmp_path, run_id=run_id)


def test_a_space_that_ignores_max_resource_level_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        BenchmarkError,
        match=r"toy: config_space\['epochs'\] is 9 although max_resource_level is 3; build",
    ):
        toy_plan(tmp_path, max_resource_level=3)
    assert toy_plan(tmp_path, max_resource_level=9).max_resource == 9


def test_a_benchmark_without_max_resource_attr_is_warned_of(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path, fields={"max_resource_attr": None}, max_resource_level=5)
    assert plan.max_resource == 5
    (warning,) = plan.warnings
    assert warning == (
        "toy names no max_resource_attr (the script's argument for its last level): schedulers "
        "cannot know how long a trial may run"
    )
    assert toy_plan(tmp_path).warnings == ()
