"""Regularised evolution: the youngest trials are the population, and a good one is mutated.

The population is the ``population_size`` trials that reported last; the older ones have died,
however good they were, which is the regularisation. Of it ``sample_size`` are drawn without putting
back, the best of these is the parent, and the child differs from it in one hyperparameter, drawn
anew from its domain. The first ``population_size`` configs are random.

Under a multi-fidelity scheduler the losses are those of the level that ``evidence`` says; a level
counts once ``sample_size`` trials have reported there. Of a finite space no config comes twice: a
child that a trial has is replaced by a random config (the paper trains it again).

Invariants (tests/searchers/test_evolution.py holds each one):
- a child differs from a member of the population in exactly one hyperparameter;
- the parent is the best of those drawn: with sample_size = population_size, the best of all;
- a trial older than the population has no children.

Source: Real et al., AAAI 2019, arXiv:1802.01548, Algorithm 1. Defaults: 100 and 10, those of Syne
Tune; the paper's table of experiments has 100 and 25 beside others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_synebench.errors import UsageError
from pytest_synebench.searchers.evidence import Evidence
from pytest_synebench.searchers.learning import LearningSearcher, whole_number
from pytest_synebench.searchers.problem import Problem
from pytest_synebench.space import keyed_random
from pytest_synebench.trial import Config, Scalar

if TYPE_CHECKING:
    from random import Random

    from pytest_synebench.space import Domain

POPULATION_SIZE = 100
SAMPLE_SIZE = 10
_DRAWS = 100  #: of a value that differs from the parent's


class Evolution:
    """The proposer of regularised evolution; see the module.

    Args:
        problem: what the searcher is for; its arguments population_size and sample_size.

    Raises:
        UsageError: a size is no whole number from 1 up, or the sample above the population.
    """

    def __init__(self, problem: Problem) -> None:
        self._seed = problem.seed
        self._space = problem.space
        self.population_size = problem.argument("population_size", POPULATION_SIZE)
        whole_number("population_size", self.population_size)
        self.sample_size = problem.argument(
            "sample_size", min(SAMPLE_SIZE, int(self.population_size))
        )
        whole_number("sample_size", self.sample_size)
        if self.sample_size > self.population_size:
            raise UsageError(
                f"sample_size is {self.sample_size}, above population_size, which is "
                f"{self.population_size}; make it smaller"
            )

    def propose(self, evidence: Evidence, number: int) -> Config:
        """Return a child of the best of a sample."""
        rng = keyed_random(self._seed, "evolution", number)
        members = range(len(evidence.losses))[-self.population_size :]
        sample = rng.sample(members, min(self.sample_size, len(members)))
        parent = min(sample, key=lambda member: (evidence.losses[member], member))
        return self._mutated(evidence.configs[parent], rng)

    def _mutated(self, config: Config, rng: Random) -> Config:
        names = [name for name, domain in sorted(self._space.domains.items()) if domain.size != 1]
        if not names:
            return config
        name = rng.choice(names)
        return {**config, name: _other(self._space.domains[name], config[name], rng)}


def _other(domain: Domain, value: Scalar, rng: Random) -> Scalar:
    """Return a value drawn from the domain that differs; after a hundred equal draws, the same."""
    for _ in range(_DRAWS):
        drawn = domain.sample(rng)
        if domain.match_string(drawn) != domain.match_string(value):
            return drawn
    return value


def evolution(problem: Problem) -> LearningSearcher:
    """Return a searcher by regularised evolution.

    Raises:
        UsageError: an argument breaks its rule.
    """
    proposer = Evolution(problem)
    return LearningSearcher(
        problem,
        proposer,
        num_init_random=proposer.population_size,
        enough=proposer.sample_size,
    )
