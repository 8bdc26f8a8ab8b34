from __future__ import annotations

from typing import Any

import pytest
from histories_by_hand import history, report
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.errors import UsageError
from pytest_synebench.searchers.evolution import Evolution, evolution
from pytest_synebench.searchers.problem import Problem
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace, choice, randint, uniform
from pytest_synebench.testing.strategies import LOSSES, SEEDS
from pytest_synebench.trial import Config

SPACE = ConfigSpace({"x": uniform(0, 1), "n": randint(1, 50), "c": choice(["a", "b"]), "k": 7})


def problem(seed: int = 0, space: ConfigSpace = SPACE, **arguments: Any) -> Problem:
    return Problem(space=space, seed=seed, arguments=arguments)


def drawn(count: int, seed: int = 0, space: ConfigSpace = SPACE) -> list[Config]:
    search = RandomSearch(space, seed=seed)
    configs = [search.suggest(history([]), number) for number in range(count)]
    return [config for config in configs if config is not None]


def differences(one: Config, other: Config) -> int:
    return sum(one[name] != other[name] for name in one)


@given(seed=SEEDS, losses=st.lists(LOSSES.filter(lambda x: x == x), min_size=6, max_size=20))
def test_a_child_is_a_member_of_the_population_with_one_value_changed(
    seed: int, losses: list[float]
) -> None:
    configs = drawn(len(losses), seed)
    told = history(configs, [report(i, loss) for i, loss in enumerate(losses)])
    search = evolution(problem(seed, population_size=6, sample_size=3))
    child = search.suggest(told, len(losses))
    assert child is not None
    if any(abs(loss) != float("inf") for loss in losses):
        assert 1 in {differences(child, parent) for parent in configs[-6:]}


def test_the_best_of_the_sample_is_the_parent_and_the_old_have_died() -> None:
    configs = drawn(12)
    losses = [0.0, *[5.0] * 7, 1.0, 5.0, 5.0, 5.0]  # 0 is the best of all, 8 of the youngest
    told = history(configs, [report(i, loss) for i, loss in enumerate(losses)])
    search = evolution(problem(population_size=6, sample_size=6))
    children = [search.suggest(told, number) for number in range(12, 40)]
    assert all(child is not None and differences(child, configs[8]) == 1 for child in children)
    names = {n for c in children if c is not None for n in c if c[n] != configs[8][n]}
    assert names == {"x", "n", "c"}


def test_the_first_population_is_random() -> None:
    configs = drawn(100)
    told = history(configs[:50], [report(i, 1.0) for i in range(50)])
    assert evolution(problem()).suggest(told, 99) == configs[99]
    assert evolution(problem()).suggest(told, 100) not in drawn(101)


def test_a_space_of_single_values_has_no_children() -> None:
    space = ConfigSpace({"a": randint(3, 3), "b": uniform(1, 1)})
    proposer = Evolution(problem(space=space))
    search = evolution(problem(space=space, population_size=1))
    told = history([{"a": 3, "b": 1.0}], [report(0, 1.0)], ended=[0])
    assert search.suggest(told, 1) is None
    assert proposer.population_size == 100
    assert proposer.sample_size == 10


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"population_size": 0}, "population_size is 0; it must be a whole number from 1 up"),
        ({"sample_size": 2.5}, r"sample_size is 2\.5; it must be a whole number from 1 up"),
        (
            {"population_size": 5, "sample_size": 6},
            "sample_size is 6, above population_size, which is 5; make it smaller",
        ),
    ],
)
def test_sizes_that_make_no_population_are_refused(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        evolution(problem(**arguments))
