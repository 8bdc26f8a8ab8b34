"""A sequence of configs, none twice while there are others, from draws that are keyed by number.

Config ``number`` is the first draw for that number. In a continuum that is all. A finite space is
drawn from without putting back: a draw that came earlier is passed over, and when such draws keep
coming (few configs are left) the rest follow in a keyed order, until none is left.

Invariants (tests/searchers/test_random_search.py, test_sobol.py):
- equal arguments and number give an equal config, in whatever order they are asked for;
- a finite space is exhausted exactly: each config once, then None;
- a config costs O(1), amortised over the configs asked for in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from pytest_synebench.searchers.permutation import shuffled
from pytest_synebench.space import ConfigSpace
from pytest_synebench.trial import Config

_DRAWS = 16  #: for one number from a finite space, before the rest are taken in a keyed order


class Draws:
    """Configs by number; see the module.

    Args:
        space: the configuration space.
        seed: what the order of the rest depends on.
        points: whole configs that come first, all different.
        draws: what is drawn for a number, first choice first, without end.
        allow_duplicates: whether a finite space is drawn from as if it were put back: for ever.
    """

    def __init__(
        self,
        space: ConfigSpace,
        *,
        seed: int,
        points: Sequence[Config],
        draws: Callable[[int], Iterator[Config]],
        allow_duplicates: bool,
    ) -> None:
        self._space = space
        self._seed = seed
        self._points = tuple(points)
        self._draws = draws
        self._distinct = space.size is not None and not allow_duplicates
        # A memory of what the arguments say anyway, so that nothing is computed twice.
        self._sequence = list(self._points)
        self._keys = {space.key(point) for point in self._points}
        self._walked = 0

    def at(self, number: int) -> Config | None:
        """Return config ``number``, or None: a finite space holds no more."""
        if number < len(self._points):
            return self._points[number]
        if not self._distinct:
            return next(self._draws(number))
        if number >= (self._space.size or 0):
            return None
        while len(self._sequence) <= number:
            self._sequence.append(self._unseen(len(self._sequence)))
        return self._sequence[number]

    def _unseen(self, number: int) -> Config:
        for config in islice(self._draws(number), _DRAWS):
            if self._is_new(config):
                return config
        return self._next_of_the_rest()

    def _next_of_the_rest(self) -> Config:
        size = self._space.size or 0
        while True:
            config = self._space.at(shuffled(self._walked, size, self._seed, "rest"))
            self._walked += 1
            if self._is_new(config):
                return config

    def _is_new(self, config: Config) -> bool:
        """Note a config; return whether it was not noted before."""
        key = self._space.key(config)
        known = key in self._keys
        self._keys.add(key)
        return not known
