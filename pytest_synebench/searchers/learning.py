"""The frame of every searcher that learns: when it draws at random, and what it never repeats.

The first ``num_init_random`` configs, points included, are those of random search, so experiments
with equal run ids begin with equal configs, whatever their searchers. So is every config for which
there is not enough evidence yet. From then on a ``Proposer`` says what comes next; but a given
share of the configs, those whose numbers a draw picks, stay those of random search. Under a
scheduler that stops or pauses trials that is a guard: what a low level says may not hold at the
last one.

How many losses are enough: where trials report at several levels, BOHB's rule says at which one to
model (``evidence``); where there is one level only, one loss will do.

Of a finite space no config is suggested twice (unless ``allow_duplicates``): where the proposer
comes back to one that a trial has, it is asked again as if that one were running, so that it looks
for the next best. Where that does not help, the next config of random search takes its place.

Invariants (testing/searcher_suite.py and tests/searchers/test_learning.py hold each one):
- equal arguments, history and number give an equal config, however the object got there;
- every config lies in the space;
- the first configs are those of random search, and so is the share, under the same numbers;
- random search takes no proposal's place while the proposer has another one that is new;
- a finite space is exhausted exactly: each config once, then None.

Source of the share: Falkner, Klein and Hutter, "BOHB", ICML 2018, arXiv:1807.01774, section 3.2
(rho; 1/3 in the authors' code).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from pytest_synebench.errors import UsageError
from pytest_synebench.searchers.evidence import Evidence, Reader
from pytest_synebench.searchers.problem import Problem
from pytest_synebench.searchers.protocol import History
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import keyed_random
from pytest_synebench.trial import Config

NUM_INIT_RANDOM = 10  #: as of Optuna's samplers
RANDOM_FRACTION = 1 / 3  #: rho of BOHB
_ASKED = 8  #: times that a proposer is asked for a config that no trial has


class Proposer(Protocol):
    """The part of a searcher that learns. Equal evidence and number give an equal config."""

    def propose(self, evidence: Evidence, number: int) -> Config:
        """Return the config to evaluate next, as ``number``."""
        ...


class LearningSearcher:
    """Draws at random first, then asks the proposer; see the module.

    Args:
        problem: what the searcher is for.
        proposer: what learns.
        num_init_random: configs that are drawn at random first, points included; >= 1.
        enough: trials that must have reported at a level; None: BOHB's rule, see ``evidence``.
        random_fraction: share of the later configs that are drawn at random all the same, 0 to 1.

    Raises:
        UsageError: num_init_random is no whole number from 1 up, or the share no share.
    """

    def __init__(
        self,
        problem: Problem,
        proposer: Proposer,
        *,
        num_init_random: int,
        enough: int | None = None,
        random_fraction: float = 0.0,
    ) -> None:
        whole_number("num_init_random", num_init_random)
        if not 0 <= random_fraction <= 1:
            raise UsageError(f"random_fraction is {random_fraction!r}; it must be from 0 to 1")
        self._first = num_init_random
        self._share = random_fraction
        self._seed = problem.seed
        self._proposer = proposer
        self._repeats = bool(problem.argument("allow_duplicates", False))  # noqa: FBT003 - a default
        self._size = problem.space.size
        self._random = RandomSearch(
            problem.space,
            seed=problem.seed,
            points=problem.points,
            allow_duplicates=self._repeats,
        )
        self._points = len(problem.points)
        self._reader = Reader(problem.space, enough=enough, constraint_attr=problem.constraint_attr)

    def suggest(self, history: History, number: int) -> Config | None:
        """Return config ``number``, or None: a finite space holds no more."""
        if number < max(self._first, self._points):
            return self._random.suggest(history, number)
        if not self._repeats and self._reader.exhausted(history):
            return None
        if self._by_chance(number):
            return self._drawn(history, number)
        evidence = self._reader.evidence(history)
        if evidence is None:
            return self._drawn(history, number)
        return self._proposed(history, evidence, number) or self._drawn(history, number)

    def _proposed(self, history: History, evidence: Evidence, number: int) -> Config | None:
        """Return what the proposer says, or None: it comes back to what trials have."""
        before: Config | None = None
        for _ in range(_ASKED):
            config = self._proposer.propose(evidence, number)
            if self._may(history, config):
                return config
            if config == before:
                return None  # it does not look at what runs
            before = config
            evidence = replace(evidence, pending=(*evidence.pending, config))
        return None

    def _by_chance(self, number: int) -> bool:
        return keyed_random(self._seed, "share", number).random() < self._share

    def _may(self, history: History, config: Config) -> bool:
        return self._size is None or self._repeats or not self._reader.knows(history, config)

    def _drawn(self, history: History, number: int) -> Config | None:
        """Return the first config of random search, from ``number`` on, that no trial has."""
        if self._size is None or self._repeats:
            return self._random.suggest(history, number)
        for ahead in range(self._size):
            config = self._random.suggest(history, (number + ahead) % self._size)
            if config is not None and not self._reader.knows(history, config):
                return config
        return None


def with_model(problem: Problem, proposer: Proposer) -> LearningSearcher:
    """Return a searcher that models losses, with the problem's own random configs.

    Raises:
        UsageError: an argument breaks its rule.
    """
    return LearningSearcher(
        problem,
        proposer,
        enough=None if problem.levels else 1,
        num_init_random=problem.argument("num_init_random", NUM_INIT_RANDOM),
        random_fraction=problem.argument("random_fraction", 0.0),
    )


def whole_number(name: str, value: object, least: int = 1) -> None:
    """Refuse what is no whole number from ``least`` up.

    Raises:
        UsageError: with name, value and rule.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"{name} is {value!r}; it must be a whole number from {least} up")
