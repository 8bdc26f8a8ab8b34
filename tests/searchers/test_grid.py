from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.errors import UsageError
from pytest_synebench.searchers.grid import GridSearch
from pytest_synebench.searchers.points import initial_configs
from pytest_synebench.searchers.protocol import History
from pytest_synebench.space import ConfigSpace, choice, loguniform, randint, uniform
from pytest_synebench.testing.spaces import DOMAINS
from pytest_synebench.trial import Config

SPACES = st.dictionaries(st.sampled_from("abc"), DOMAINS, min_size=1, max_size=2).map(ConfigSpace)
NOTHING = History()


def walked(search: GridSearch) -> list[Config]:
    configs: list[Config] = []
    while (config := search.suggest(NOTHING, len(configs))) is not None:
        configs.append(config)
    return configs


def test_without_shuffle_the_first_argument_varies_slowest() -> None:
    space = ConfigSpace({"b": choice(["x", "y"]), "a": uniform(0, 1), "epochs": 3})
    configs = walked(GridSearch(space, seed=0, num_samples=3, shuffle=False))
    assert [(c["b"], c["a"]) for c in configs] == [
        ("x", 0.0),
        ("x", 0.5),
        ("x", 1.0),
        ("y", 0.0),
        ("y", 0.5),
        ("y", 1.0),
    ]


def test_by_default_an_interval_gives_five_values() -> None:
    space = ConfigSpace({"lr": loguniform(1, 16), "layers": randint(1, 3)})
    configs = walked(GridSearch(space, seed=0))
    assert len(configs) == 15
    assert sorted({float(c["lr"] or 0) for c in configs}) == pytest.approx([1, 2, 4, 8, 16])


@given(space=SPACES, seed=st.integers(), num=st.integers(1, 4), points=st.booleans())
def test_each_combination_comes_once_whatever_the_order(
    space: ConfigSpace, seed: int, num: int, points: bool
) -> None:
    first = initial_configs(space, None if points else [])
    plain = walked(GridSearch(space, seed=0, num_samples=num, shuffle=False))
    shuffled = walked(GridSearch(space, seed=seed, num_samples=num, points=first))
    keys = [space.key(config) for config in shuffled]
    assert len(set(keys)) == len(keys)
    assert set(keys) == {space.key(config) for config in [*plain, *first]}
    assert tuple(shuffled[: len(first)]) == first
    for config in shuffled:
        space.check(config)


@given(space=SPACES, seed=st.integers(), numbers=st.lists(st.integers(0, 30), max_size=4))
def test_a_config_depends_on_seed_and_number_alone(
    space: ConfigSpace, seed: int, numbers: list[int]
) -> None:
    configs: dict[int, Any] = dict(enumerate(walked(GridSearch(space, seed=seed, num_samples=2))))
    anew = GridSearch(space, seed=seed, num_samples=2)
    assert [anew.suggest(NOTHING, n) for n in numbers] == [configs.get(n) for n in numbers]


def test_the_order_depends_on_the_seed() -> None:
    space = ConfigSpace({"a": choice(list(range(20)))})
    orders = [walked(GridSearch(space, seed=seed)) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.parametrize("num", [0, -1, 2.0, True, "5"])
def test_a_grid_of_no_samples_is_refused(num: Any) -> None:
    with pytest.raises(UsageError, match=r"num_samples is .*; it must be a whole number from 1 up"):
        GridSearch(ConfigSpace({"a": uniform(0, 1)}), seed=0, num_samples=num)
