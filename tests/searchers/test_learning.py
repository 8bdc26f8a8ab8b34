from __future__ import annotations

from typing import Any

import pytest
from histories_by_hand import history, report
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.errors import UsageError
from pytest_synebench.searchers.evidence import Evidence
from pytest_synebench.searchers.evolution import evolution
from pytest_synebench.searchers.learning import LearningSearcher, with_model
from pytest_synebench.searchers.problem import Problem
from pytest_synebench.searchers.protocol import History
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace, randint, uniform
from pytest_synebench.testing.strategies import SEEDS
from pytest_synebench.trial import Config

SPACE = ConfigSpace({"x": uniform(0, 1)})
LEARNT: Config = {"x": 0.5}
KNOWN = history([{"x": i / 8} for i in range(5)], [report(i, float(i)) for i in range(5)])


class Proposer:
    """Has learnt one thing."""

    def propose(self, evidence: Evidence, number: int) -> Config:
        return LEARNT


def searcher(seed: int = 0, **arguments: Any) -> LearningSearcher:
    problem = Problem(space=SPACE, seed=seed, arguments={"num_init_random": 2, **arguments})
    return with_model(problem, Proposer())


def by_chance(made: LearningSearcher, numbers: range) -> list[int]:
    return [number for number in numbers if made.suggest(KNOWN, number) != LEARNT]


def test_without_a_share_every_config_behind_the_first_is_the_model_s() -> None:
    assert by_chance(searcher(), range(100)) == [0, 1]
    assert by_chance(searcher(random_fraction=1), range(100)) == [*range(100)]


@given(seed=SEEDS, fraction=st.floats(0, 1))
def test_the_share_is_that_of_random_search_under_the_same_numbers(
    seed: int, fraction: float
) -> None:
    reference, made = RandomSearch(SPACE, seed=seed), searcher(seed, random_fraction=fraction)
    picked = by_chance(made, range(30))
    for number in picked:
        assert made.suggest(KNOWN, number) == reference.suggest(History(), number)
    rebuilt = searcher(seed, random_fraction=fraction)
    assert by_chance(rebuilt, range(29, -1, -1)) == picked[::-1]
    more = by_chance(searcher(seed, random_fraction=(fraction + 1) / 2), range(30))
    assert set(picked) <= set(more)


def test_a_third_is_about_a_third() -> None:
    # 3,000 numbers: 1,000 +- 5 standard deviations of 26; false alarms: fixed seed, none.
    assert 870 < len(by_chance(searcher(random_fraction=1 / 3), range(2, 3002))) < 1130


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_what_is_no_share_is_refused(fraction: float) -> None:
    with pytest.raises(UsageError, match=r"random_fraction is .*; it must be from 0 to 1"):
        searcher(random_fraction=fraction)


def test_evolution_has_none() -> None:
    arguments = {"population_size": 5, "sample_size": 5, "random_fraction": 1}
    made = evolution(Problem(space=SPACE, seed=0, arguments=arguments))
    assert made.suggest(KNOWN, 7) != RandomSearch(SPACE, seed=0).suggest(KNOWN, 7)


FINITE = ConfigSpace({"x": randint(0, 9)})
SIX = history([{"x": i} for i in range(6)], [report(i, float(i)) for i in range(5)])  # 5 runs


class Ranking:
    """Ranks the configs of a space once, and passes those over that run, if it looks at them."""

    def __init__(self, *, looks: bool = True) -> None:
        self.looks = looks
        self.asked = 0

    def propose(self, evidence: Evidence, number: int) -> Config:
        self.asked += 1
        running = [config["x"] for config in evidence.pending] if self.looks else []
        return next({"x": x} for x in (5, 2, 3, 7, 8) if x not in running)


def test_a_proposer_that_comes_back_to_a_known_config_is_asked_for_the_next_best() -> None:
    proposer = Ranking()
    made = with_model(Problem(space=FINITE, seed=0, arguments={"num_init_random": 2}), proposer)
    # 5 runs, 2 and 3 were told: it passes 5 over by itself, and is asked three times in all.
    assert made.suggest(SIX, 6) == {"x": 7}
    assert proposer.asked == 3


def test_a_proposer_that_insists_is_asked_twice_and_random_search_takes_its_place() -> None:
    proposer = Ranking(looks=False)
    made = with_model(Problem(space=FINITE, seed=0, arguments={"num_init_random": 2}), proposer)
    config = made.suggest(SIX, 6)
    assert config is not None
    assert config not in SIX.configs.values()
    assert proposer.asked == 2


@pytest.mark.parametrize(("levels", "asked"), [(True, 0), (False, 1)])
def test_two_losses_are_too_few_to_choose_a_level_by_but_enough_where_there_is_one(
    levels: bool, asked: int
) -> None:
    # One hyperparameter: by BOHB's rule three losses are enough for a level.
    few = history([{"x": 0}, {"x": 1}, {"x": 4}], [report(0, 0.0), report(1, 1.0)])
    problem = Problem(space=FINITE, seed=0, levels=levels, arguments={"num_init_random": 2})
    proposer = Ranking()
    assert with_model(problem, proposer).suggest(history([{"x": 0}]), 3) is not None
    assert proposer.asked == 0, "nothing was told yet"
    assert with_model(problem, proposer).suggest(few, 3) is not None
    assert proposer.asked == asked
