"""Whole spaces: order, completion, numbering, JSON; and what they refuse."""

from __future__ import annotations

import json
import math
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_synebench.errors import UsageError
from pytest_synebench.space import (
    ConfigSpace,
    choice,
    loguniform,
    randint,
    uniform,
)
from pytest_synebench.testing.spaces import SPACES


@given(space=SPACES, seed=st.integers())
def test_the_order_of_the_arguments_changes_no_sample(space: ConfigSpace, seed: int) -> None:
    turned = ConfigSpace({name: space[name] for name in reversed(list(space))})
    assert turned == space
    config = space.sample(Random(seed))
    assert turned.sample(Random(seed)) == config
    assert list(config) == list(space.domains)
    assert space.key(config) == turned.key(config)


@given(space=SPACES, seed=st.integers(), data=st.data())
def test_complete_keeps_what_is_given_and_fills_midpoints(
    space: ConfigSpace, seed: int, data: Any
) -> None:
    whole = space.sample(Random(seed))
    kept = {name: value for name, value in whole.items() if data.draw(st.booleans())}
    assert space.complete(kept) == {**space.midpoint(), **kept}
    space.check(whole)
    if len(kept) < len(whole):
        with pytest.raises(UsageError, match=r"lacks .*; add a value"):
            space.check(kept)


@given(space=SPACES)
def test_a_space_survives_json_and_is_a_mapping(space: ConfigSpace) -> None:
    text = json.dumps(space.to_json(), allow_nan=False, sort_keys=True)
    again = ConfigSpace.from_json(json.loads(text))
    assert again == space
    assert hash(again) == hash(space)
    assert ConfigSpace({**space}) == space
    assert len(space) == len(list(space))
    assert all(name in space for name in space)


@given(space=SPACES, data=st.data())
def test_numbered_configs_are_all_different(space: ConfigSpace, data: Any) -> None:
    size = space.size
    assume(size is not None)
    indices = st.integers(0, (size or 1) - 1)
    first, second = data.draw(indices), data.draw(indices)
    same_key = space.key(space.at(first)) == space.key(space.at(second))
    assert same_key == (first == second)


def test_a_small_space_is_numbered_whole() -> None:
    space = ConfigSpace({"b": choice(["x", "y"]), "a": randint(1, 3), "epochs": 9})
    assert space.size == 6
    configs = [space.at(i) for i in range(6)]
    assert configs[:2] == [{"b": "x", "a": 1}, {"b": "y", "a": 1}]
    assert len({space.key(config) for config in configs}) == 6
    assert ConfigSpace({"a": randint(1, 3), "lr": uniform(0, 1)}).size is None


def test_merged_adds_the_constants_unchanged() -> None:
    space = ConfigSpace({"lr": uniform(0, 1), "epochs": 9, "dataset_path": "./", "fast": False})
    assert space.merged({"lr": 0.5}) == {
        "epochs": 9,
        "dataset_path": "./",
        "fast": False,
        "lr": 0.5,
    }


SPACE = ConfigSpace({"lr": loguniform(1, 50), "batch_size": randint(8, 256), "epochs": 81})


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"lr": 51}, "lr: 51 is not in loguniform\\(1, 50\\); it must be a number from 1 to 50"),
        ({"lr": "10"}, "lr: '10' is not in"),
        ({"batch_size": 8.5}, "batch_size: 8.5 .* it must be a whole number from 8 to 256"),
        (
            {"batchsize": 8},
            "'batchsize' is not in the space .*epochs\\). Did you mean 'batch_size'\\?",
        ),
        ({"zz": 8}, "'zz' is not in the space \\(lr, batch_size, epochs\\)$"),
        ({"epochs": 3}, "epochs is 3, but a constant of the space, 81; leave it out"),
        ([("lr", 3)], "is no config; write a mapping"),
    ],
)
def test_complete_refuses_what_is_not_in_the_space(config: Any, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        SPACE.complete(config)


def test_complete_takes_a_constant_that_is_the_constant() -> None:
    assert SPACE.complete({"epochs": 81, "batch_size": 9.0}) == {"lr": 50**0.5, "batch_size": 9}


@pytest.mark.parametrize("name", ["", "-lr", "a b", "help", "st_checkpoint_dir", "a=b", 3])
def test_a_name_that_cannot_be_an_argument_is_refused(name: Any) -> None:
    with pytest.raises(UsageError, match="it becomes the script's argument --NAME"):
        ConfigSpace({name: 1})


@pytest.mark.parametrize("value", [[1], {"a": 1}, math.inf, object()])
def test_a_constant_that_is_no_plain_scalar_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match=r"config_space\['a'\] is "):
        ConfigSpace({"a": value})


def test_a_constant_true_is_not_a_constant_one() -> None:
    assert ConfigSpace({"a": True}) != ConfigSpace({"a": 1})
    assert ConfigSpace({"a": 1}) != {"a": 1}
    with pytest.raises(UsageError, match="a is 1, but a constant"):
        ConfigSpace({"a": True}).complete({"a": 1})


def test_repr_says_what_the_space_is() -> None:
    assert repr(SPACE) == (
        "ConfigSpace({'lr': loguniform(1, 50), 'batch_size': randint(8, 256), 'epochs': 81})"
    )
