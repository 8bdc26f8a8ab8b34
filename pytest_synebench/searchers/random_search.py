"""Random search: every config drawn from the space, none drawn twice while there are others.

Config ``number`` is drawn from a generator keyed by (seed, number). In a continuum that is all. A
finite space is drawn from without putting back: a draw that came earlier is repeated, and when
repeats keep coming (few configs are left) the rest follow in a keyed order, until none is left.

Invariants (tests/searchers/test_random_search.py holds each one):
- equal seed, points and number give an equal config, in whatever order they are asked for;
- a finite space is exhausted exactly: each config once, then None;
- a config costs O(1), amortised over the configs asked for in order.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_synebench.searchers.permutation import shuffled
from pytest_synebench.searchers.protocol import History
from pytest_synebench.space import ConfigSpace, keyed_random
from pytest_synebench.trial import Config

_DRAWS = 16  #: of one config from a finite space, before the rest are taken in a keyed order


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
        self._points = tuple(points)
        self._distinct = space.size is not None and not allow_duplicates
        # A memory of what (seed, points) say anyway, so that nothing is computed twice.
        self._sequence = list(self._points)
        self._keys = {space.key(point) for point in self._points}
        self._walked = 0

    def suggest(self, history: History, number: int) -> Config | None:  # noqa: ARG002 - learns nothing
        """Return config ``number``, or None: a finite space holds no more."""
        if number < len(self._points):
            return self._points[number]
        if not self._distinct:
            return self._space.sample(keyed_random(self._seed, "random", number))
        if number >= (self._space.size or 0):
            return None
        while len(self._sequence) <= number:
            config = self._unseen(len(self._sequence))
            self._keys.add(self._space.key(config))
            self._sequence.append(config)
        return self._sequence[number]

    def _unseen(self, number: int) -> Config:
        rng = keyed_random(self._seed, "random", number)
        for _ in range(_DRAWS):
            config = self._space.sample(rng)
            if self._space.key(config) not in self._keys:
                return config
        return self._next_of_the_rest()

    def _next_of_the_rest(self) -> Config:
        size = self._space.size or 0
        while True:
            config = self._space.at(shuffled(self._walked, size, self._seed, "rest"))
            self._walked += 1
            if self._space.key(config) not in self._keys:
                return config
