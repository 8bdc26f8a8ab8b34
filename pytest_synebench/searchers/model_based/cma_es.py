"""CMA-ES: a normal distribution that moves to where losses are low.

Losses come in the order of their reports; each ``population_size`` of them, whoever suggested
them, are one generation, so no loss is wasted on a worker that came late, and the random configs of
the beginning are the first generations: the first distribution has about their spread (0.3 of each
scale). A suggestion is drawn from the distribution after the last full generation. The distribution
is folded anew from the losses each time, which takes milliseconds and is what makes it pure.

Ordered domains are modelled on their own scale. CMA-ES has no place for categories without order:
those of a ``choice`` are drawn at random, as Optuna does. Running trials are not modelled: two
suggestions between two generations are two draws. It does not restart.

Invariants (tests/searchers/model_based/test_cma_es.py holds each one):
- a grown searcher and a rebuilt one suggest the same;
- fewer than two ordered hyperparameters are refused, with what to choose instead;
- on a bowl it gets to a hundredth of where random search ends.

Source: Hansen, "The CMA Evolution Strategy: A Tutorial", arXiv:1604.00772; late and foreign
solutions: Hansen, arXiv:1110.4181. The package ``cmaes``, which Optuna's sampler uses too; that
sampler itself keeps its state pickled in the study, and we read and write no pickle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_synebench.errors import UsageError
from pytest_synebench.searchers.evidence import Evidence
from pytest_synebench.searchers.learning import LearningSearcher, with_model
from pytest_synebench.searchers.model_based.extra import require
from pytest_synebench.searchers.problem import Problem
from pytest_synebench.space import keyed_random
from pytest_synebench.trial import Config

if TYPE_CHECKING:
    from cmaes import CMA

_FIRST_SPREAD = 0.3  #: standard deviation; even draws have 0.29


class CmaEsProposer:
    """Draws from the distribution that the losses have led to; see the module.

    Args:
        problem: what the searcher is for.

    Raises:
        UsageError: the space has fewer than two ordered hyperparameters.
    """

    def __init__(self, problem: Problem) -> None:
        self._seed = problem.seed
        self._domains = problem.space.domains
        self._ordered = [
            name
            for name, domain in sorted(self._domains.items())
            if domain.size != 1 and domain.to_json()["domain"] != "choice"
        ]
        if len(self._ordered) < 2:
            raise UsageError(
                f"cmaes needs two hyperparameters or more that have an order, and the space has "
                f"{len(self._ordered)} ({', '.join(self._ordered) or 'none'}); choose --searcher "
                "tpe or gp"
            )

    def propose(self, evidence: Evidence, number: int) -> Config:
        """Return a draw from the distribution after the last full generation."""
        rng = keyed_random(self._seed, "cmaes", number)
        optimizer = self._folded(evidence)
        optimizer.reseed_rng(rng.getrandbits(32))
        places = dict(zip(self._ordered, map(float, optimizer.ask()), strict=True))
        return {
            name: domain.from_unit(places[name]) if name in places else domain.sample(rng)
            for name, domain in self._domains.items()
        }

    def _folded(self, evidence: Evidence) -> CMA:
        import numpy as np
        from cmaes import CMA

        dimensions = len(self._ordered)
        optimizer = CMA(
            mean=np.full(dimensions, 0.5),
            sigma=_FIRST_SPREAD,
            bounds=np.tile([0.0, 1.0], (dimensions, 1)),
            seed=0,
        )
        size = optimizer.population_size
        for first in range(0, len(evidence.losses) - size + 1, size):
            generation = range(first, first + size)
            optimizer.tell(
                [
                    (np.array(self._places(evidence.configs[i])), evidence.losses[i])
                    for i in generation
                ]
            )
        return optimizer

    def _places(self, config: Config) -> list[float]:
        return [self._domains[name].to_unit(config[name]) for name in self._ordered]


def cmaes(problem: Problem) -> LearningSearcher:
    """Return a searcher by CMA-ES.

    Raises:
        UsageError: the package cmaes is not installed, an argument breaks its rule, or the space
            has fewer than two ordered hyperparameters.
    """
    require("cmaes", "cmaes")
    return with_model(problem, CmaEsProposer(problem))
