"""Random search: every config drawn from the space, none drawn twice while there are others.

Config ``number`` is drawn from a generator keyed by (seed, number); ``draws`` says how a finite
space is exhausted.

Invariants (tests/searchers/test_random_search.py holds each one):
- equal seed, points and number give an equal config, in whatever order they are asked for;
- a finite space is exhausted exactly: each config once, then None;
- points do not shift the configs behind them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_synebench.searchers.draws import Draws
from pytest_synebench.searchers.protocol import History
from pytest_synebench.space import ConfigSpace, keyed_random
from pytest_synebench.trial import Config


class RandomSearch:
    """Draws configs at random; see the module.

    Args:
        space: the configuration space.
        seed: what chance depends on.
        points: whole configs to suggest first, all different.
        allow_duplicates: whether a finite space is drawn from as if it were put back: for ever.
    """

    def __init__(
        self,
        space: ConfigSpace,
        *,
        seed: int,
        points: Sequence[Config] = (),
        allow_duplicates: bool = False,
    ) -> None:
        self._space = space
        self._seed = seed
        self._configs = Draws(
            space, seed=seed, points=points, draws=self._draws, allow_duplicates=allow_duplicates
        )

    def suggest(self, history: History, number: int) -> Config | None:  # noqa: ARG002 - learns nothing
        """Return config ``number``, or None: a finite space holds no more."""
        return self._configs.at(number)

    def _draws(self, number: int) -> Iterator[Config]:
        rng = keyed_random(self._seed, "random", number)
        while True:
            yield self._space.sample(rng)
