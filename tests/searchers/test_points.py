"""points_to_evaluate: None, [], partial, doubled, and what lies outside."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.errors import UsageError
from pytest_synebench.searchers.points import initial_configs
from pytest_synebench.space import ConfigSpace, choice, loguniform, randint
from pytest_synebench.testing.spaces import SPACES
from pytest_synebench.trial import Config

SPACE = ConfigSpace({"lr": loguniform(1, 100), "layers": randint(1, 3), "epochs": 9})
MIDPOINT = {"lr": 10.0, "layers": 2}


def test_none_is_the_midpoint() -> None:
    assert initial_configs(SPACE, None) == (MIDPOINT,)


def test_an_empty_list_is_no_config() -> None:
    assert initial_configs(SPACE, []) == ()


def test_partial_configs_are_completed_in_order() -> None:
    assert initial_configs(SPACE, [{"layers": 3}, {"lr": 1}, {}]) == (
        {"lr": 10.0, "layers": 3},
        {"lr": 1.0, "layers": 2},
        MIDPOINT,
    )


def test_of_equal_configs_the_first_is_kept() -> None:
    points: list[Config] = [
        {"lr": 2.0},
        {},
        {"lr": 10},
        {"lr": 2.0, "layers": 2},
        {"lr": 10.00000001},
    ]
    assert initial_configs(SPACE, points) == ({"lr": 2.0, "layers": 2}, MIDPOINT)


@given(space=SPACES, seeds=st.lists(st.integers(0, 5)))
def test_distinct_whole_configs_pass_unchanged(space: ConfigSpace, seeds: list[int]) -> None:
    drawn = {space.key(config): config for config in (space.sample(Random(s)) for s in seeds)}
    points = list(drawn.values())
    assert list(initial_configs(space, points + points)) == points


@pytest.mark.parametrize(
    ("points", "text"),
    [
        ([{"lr": 1}, {"lr": 0.5}], r"points_to_evaluate\[1\]: lr: 0.5 is not in loguniform"),
        ([{"lrr": 1}], r"points_to_evaluate\[0\]: 'lrr' is not in the space .*mean 'lr'\?"),
        ([{"epochs": 3}], r"points_to_evaluate\[0\]: epochs is 3, but a constant"),
        ([3], r"points_to_evaluate\[0\]: 3 is no config"),
        ("[{}]", r"points_to_evaluate is '\[\{\}\]'; it must be a list of configs, such as"),
        ({"lr": 1}, "points_to_evaluate is {'lr': 1}; it must be a list"),
        (7, "points_to_evaluate is 7; it must be a list"),
    ],
)
def test_what_is_no_list_of_configs_in_the_space_is_refused(points: Any, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        initial_configs(SPACE, points)


def test_the_first_category_is_its_midpoint() -> None:
    assert initial_configs(ConfigSpace({"a": choice(["x", "y"])}), None) == ({"a": "x"},)
