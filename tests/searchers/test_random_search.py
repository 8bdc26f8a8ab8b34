from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.searchers.points import initial_configs
from pytest_synebench.searchers.protocol import History
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import (
    ConfigSpace,
    Domain,
    choice,
    logordinal,
    lograndint,
    loguniform,
    randint,
)
from pytest_synebench.testing.spaces import LISTED, SPACES
from pytest_synebench.trial import Config, Report, TrialId

SEEDS = st.integers(0, 2**32 - 1)
SMALL = st.dictionaries(st.sampled_from("abc"), LISTED, min_size=1, max_size=2).map(ConfigSpace)
NOTHING = History()


def drawn(search: RandomSearch, count: int) -> list[Config]:
    configs = [search.suggest(NOTHING, number) for number in range(count)]
    assert None not in configs
    return [config for config in configs if config is not None]


@given(space=SPACES, seed=SEEDS, numbers=st.lists(st.integers(0, 12), max_size=6))
def test_a_config_depends_on_seed_and_number_alone(
    space: ConfigSpace, seed: int, numbers: list[int]
) -> None:
    in_order = RandomSearch(space, seed=seed)
    configs = [in_order.suggest(NOTHING, number) for number in range(13)]
    told = History(
        configs={TrialId(0): space.midpoint()},
        reports=[Report(trial_id=TrialId(0), resource=1, loss=math.nan, at_s=0.0)],
    )
    anew = RandomSearch(space, seed=seed)
    assert [anew.suggest(told, number) for number in numbers] == [configs[n] for n in numbers]


@given(space=SMALL, seed=SEEDS, points=st.booleans())
def test_a_finite_space_gives_each_config_once_and_then_none(
    space: ConfigSpace, seed: int, points: bool
) -> None:
    first = initial_configs(space, None if points else [])
    search = RandomSearch(space, seed=seed, points=first)
    size = space.size
    assert size is not None
    configs = drawn(search, size)
    assert len({space.key(config) for config in configs}) == size
    assert search.suggest(NOTHING, size) is None
    assert search.suggest(NOTHING, size + 1) is None
    assert tuple(configs[: len(first)]) == first


@given(space=SPACES, seed=SEEDS)
def test_every_config_lies_in_the_space(space: ConfigSpace, seed: int) -> None:
    search = RandomSearch(space, seed=seed)
    for number in range(5):
        config = search.suggest(NOTHING, number)
        if config is not None:
            space.check(config)
            assert list(config) == list(space.domains)


def test_different_seeds_and_numbers_give_different_configs() -> None:
    space = ConfigSpace({"lr": loguniform(1, 50)})
    configs = [c["lr"] for seed in range(20) for c in drawn(RandomSearch(space, seed=seed), 20)]
    assert len(set(configs)) == 400


@pytest.mark.parametrize("domain", [loguniform(1, 50), randint(1, 10**9)], ids=repr)
def test_points_do_not_shift_the_configs_behind_them(domain: Domain) -> None:
    space = ConfigSpace({"lr": domain})
    plain = RandomSearch(space, seed=3)
    pointed = RandomSearch(space, seed=3, points=initial_configs(space, None))
    assert pointed.suggest(NOTHING, 0) == space.midpoint()
    assert pointed.suggest(NOTHING, 1) == plain.suggest(NOTHING, 1)


def test_duplicates_are_allowed_where_they_are_asked_for() -> None:
    space = ConfigSpace({"a": choice([1, 2])})
    configs = drawn(RandomSearch(space, seed=0, allow_duplicates=True), 50)
    assert Counter(config["a"] for config in configs).keys() == {1, 2}


def test_an_improbable_rest_is_found_without_waiting_for_chance() -> None:
    # The last of these is drawn about once in a million: the keyed walk finds it.
    space = ConfigSpace({"a": logordinal([1, 1.000001, 1.000002, 1e9]), "b": randint(1, 2)})
    assert len(drawn(RandomSearch(space, seed=0), 8)) == 8


def test_the_first_draws_of_a_finite_space_follow_its_distribution() -> None:
    # 1 owns log(3) / log(2001) of the scale, 0.1445: 144.5 of 1,000 draws, standard deviation
    # 11.1; six of them: false alarm 1e-8.
    space = ConfigSpace({"a": lograndint(1, 1000)})
    firsts = [drawn(RandomSearch(space, seed=seed), 1)[0]["a"] for seed in range(1000)]
    assert abs(firsts.count(1) - 144.5) < 6 * 11.1
