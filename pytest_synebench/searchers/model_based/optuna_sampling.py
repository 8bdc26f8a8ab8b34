"""Searchers through Optuna: a fresh sampler over a study that is a function of the evidence.

Optuna's samplers hold a generator and caches, so one that grew with its study suggests otherwise
than one over the same study made anew. Therefore each suggestion has a sampler of its own, seeded
by (seed, number), over a study that holds the trials of ``Evidence``: those with a loss, in the
order of their reports, then the pending ones as running trials. Nothing is carried over; what is
kept is the record of a trial that was told before, which is never changed.

- ``tpe``: Optuna's TPESampler, multivariate. Running trials count among the worse ones (constant
  liar), so that what runs is not suggested again.
- ``gp``: Optuna's GPSampler: a Gaussian process (Matern 5/2, a length scale per hyperparameter)
  and log expected improvement, over fantasies of the running trials where there are any (qLogEI).

Constraints are Optuna's own support for them: ``tpe`` ranks what violates one behind all else,
``gp`` multiplies the improvement by the probability that the constraint holds.

Invariants (tests/searchers/model_based/test_optuna_sampling.py holds each one):
- a grown searcher and a rebuilt one suggest the same;
- loggers, warnings, and the generators of random, NumPy and torch are left as they were;
- nothing is printed.

Source: Bergstra et al., NeurIPS 2011; Watanabe, arXiv:2304.11127 (TPE). Ament et al., NeurIPS 2023,
arXiv:2310.20708 (log expected improvement). Gardner et al., ICML 2014 (constraints).
"""

from __future__ import annotations

import copy
import functools
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_synebench.searchers.evidence import Evidence
from pytest_synebench.searchers.learning import LearningSearcher, with_model
from pytest_synebench.searchers.model_based.encoding import Encoding
from pytest_synebench.searchers.model_based.extra import require
from pytest_synebench.searchers.problem import Problem
from pytest_synebench.space import keyed_random
from pytest_synebench.trial import Config

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

_CONSTRAINT = "constraint"


class OptunaProposer:
    """Proposes what one of Optuna's samplers does; see the module.

    Args:
        problem: what the searcher is for.
        name: what chance is keyed by, next to seed and number.
        sampler: makes a sampler from a seed.
    """

    def __init__(self, problem: Problem, name: str, sampler: Callable[[int], BaseSampler]) -> None:
        self._seed = problem.seed
        self._name = name
        self._sampler = sampler
        self._encoding = Encoding(problem.space)
        self._records: dict[object, FrozenTrial] = {}

    def propose(self, evidence: Evidence, number: int) -> Config:
        """Return the config that a fresh sampler suggests after the evidence."""
        if self._encoding.empty:
            return self._encoding.decode({})
        seed = keyed_random(self._seed, self._name, number).getrandbits(32)
        with _quiet():
            study = self._study(evidence, self._sampler(seed))
            parameters = study.ask(self._encoding.distributions()).params
        return self._encoding.decode(parameters)

    def _study(self, evidence: Evidence, sampler: BaseSampler) -> Study:
        from optuna import create_study
        from optuna.storages import InMemoryStorage

        storage = InMemoryStorage()
        study = create_study(study_name="synebench", storage=storage, sampler=sampler)
        constraints = evidence.constraints or [None] * len(evidence.losses)
        told = zip(evidence.configs, evidence.losses, constraints, strict=True)
        records = [self._record(config, loss, constraint) for config, loss, constraint in told]
        records += [self._record(config, None, None) for config in evidence.pending]
        study.add_trials(records)
        return study

    def _record(self, config: Config, loss: float | None, constraint: float | None) -> FrozenTrial:
        key = (tuple(map(repr, config.items())), loss, constraint)
        if key not in self._records:
            self._records[key] = self._new_record(config, loss, constraint)
        return self._records[key]

    def _new_record(
        self, config: Config, loss: float | None, constraint: float | None
    ) -> FrozenTrial:
        from optuna.trial import TrialState, create_trial

        record = create_trial(
            state=TrialState.RUNNING if loss is None else TrialState.COMPLETE,
            value=loss,
            params=self._encoding.encode(config),
            distributions=self._encoding.distributions(),
            constraints=None if constraint is None else {_CONSTRAINT: constraint},
        )
        record.__class__ = _shared()
        return record


@functools.cache
def _shared() -> type[FrozenTrial]:
    """Return the class of a trial that a study copies at the top only, where it numbers it.

    Below that nothing changes, and copies to the bottom took two fifths of a suggestion's time.
    """
    from optuna.trial import FrozenTrial

    class Shared(FrozenTrial):
        def __deepcopy__(self, memo: dict[int, object]) -> FrozenTrial:
            return copy.copy(self)

    return Shared


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from logging and warning, and leave both as they were."""
    from optuna import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(before)


def _tpe_sampler(seed: int) -> BaseSampler:
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed, n_startup_trials=0, multivariate=True, constant_liar=True)


def _gp_sampler(seed: int) -> BaseSampler:
    from optuna.samplers import GPSampler

    return GPSampler(seed=seed, n_startup_trials=0, warn_independent_sampling=False)


def tpe(problem: Problem) -> LearningSearcher:
    """Return a searcher by the tree-structured Parzen estimator.

    Raises:
        UsageError: Optuna is not installed, or an argument breaks its rule.
    """
    require("tpe", "optuna")
    return with_model(problem, OptunaProposer(problem, "tpe", _tpe_sampler))


def gp(problem: Problem) -> LearningSearcher:
    """Return a searcher by a Gaussian process.

    Raises:
        UsageError: Optuna or torch is not installed, or an argument breaks its rule.
    """
    require("gp", "optuna", "torch")
    return with_model(problem, OptunaProposer(problem, "gp", _gp_sampler))
