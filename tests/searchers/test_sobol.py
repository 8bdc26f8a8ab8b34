from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.errors import UsageError
from pytest_synebench.searchers.protocol import History
from pytest_synebench.searchers.sobol import SobolSearch
from pytest_synebench.space import ConfigSpace, choice, loguniform, randint, uniform
from pytest_synebench.testing.spaces import SPACES
from pytest_synebench.testing.strategies import SEEDS
from pytest_synebench.trial import Config

NOTHING = History()


def drawn(search: SobolSearch, count: int) -> list[Config]:
    configs = [search.suggest(NOTHING, number) for number in range(count)]
    return [config for config in configs if config is not None]


@given(seed=SEEDS, power=st.integers(0, 6))
def test_each_equal_share_of_an_interval_gets_exactly_one_of_two_to_the_m(
    seed: int, power: int
) -> None:
    space = ConfigSpace({"lr": loguniform(0.01, 100), "x": uniform(-1, 1)})
    count = 2**power
    configs = drawn(SobolSearch(space, seed=seed), count)
    for name, domain in space.domains.items():
        shares = {min(int(domain.to_unit(c[name]) * count + 1e-9), count - 1) for c in configs}
        assert len(shares) == count


@given(space=SPACES, seed=SEEDS, numbers=st.lists(st.integers(0, 20), max_size=5))
def test_a_config_depends_on_seed_and_number_alone(
    space: ConfigSpace, seed: int, numbers: list[int]
) -> None:
    in_order = SobolSearch(space, seed=seed)
    configs = [in_order.suggest(NOTHING, number) for number in range(21)]
    anew = SobolSearch(space, seed=seed)
    assert [anew.suggest(NOTHING, n) for n in numbers] == [configs[n] for n in numbers]


def test_the_sequence_begins_behind_the_points() -> None:
    space = ConfigSpace({"x": uniform(0, 1)})
    pointed = SobolSearch(space, seed=0, points=[{"x": 0.5}, {"x": 0.25}])
    assert drawn(pointed, 5)[2:] == drawn(SobolSearch(space, seed=0), 3)


def test_seeds_scramble_differently() -> None:
    space = ConfigSpace({"x": uniform(0, 1)})
    firsts = {repr(drawn(SobolSearch(space, seed=seed), 2)) for seed in range(20)}
    assert len(firsts) == 20


def test_a_finite_space_comes_once_unless_duplicates_are_allowed() -> None:
    space = ConfigSpace({"a": choice(["x", "y", "z"]), "b": randint(1, 4)})
    configs = drawn(SobolSearch(space, seed=0), 12)
    assert len({space.key(config) for config in configs}) == 12
    assert SobolSearch(space, seed=0).suggest(NOTHING, 12) is None
    free = SobolSearch(space, seed=0, allow_duplicates=True)
    assert free.suggest(NOTHING, 99) is not None


def test_more_hyperparameters_than_dimensions_are_refused() -> None:
    space = ConfigSpace({f"x{i}": uniform(0, 1) for i in range(21202)})
    with pytest.raises(UsageError, match="sobol has 21201 dimensions, and the space 21202 hyper"):
        SobolSearch(space, seed=0)
