"""Grid search: every combination of some values per hyperparameter, each once.

A list of values is taken whole; an interval gives ``num_samples`` values from bound to bound,
evenly spread on its own scale (of integers at most as many as there are).

Invariants (tests/searchers/test_grid.py holds each one):
- each combination comes exactly once, then None; a point that lies on the grid is not repeated;
- the order depends on the seed alone, and without ``shuffle`` on nothing: the first argument
  varies slowest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_synebench.errors import UsageError
from pytest_synebench.searchers.permutation import shuffled
from pytest_synebench.searchers.protocol import History
from pytest_synebench.space import ConfigSpace
from pytest_synebench.trial import Config, Scalar

DEFAULT_NUM_SAMPLES = 5


class GridSearch:
    """Suggests the points of a grid; see the module.

    Args:
        space: the configuration space.
        seed: what the shuffled order depends on.
        points: whole configs to suggest first, all different.
        num_samples: values per interval, >= 1; of 1, the midpoint.
        shuffle: whether the grid is walked in a keyed order, or first argument slowest.

    Raises:
        UsageError: num_samples is no whole number from 1 up.
    """

    def __init__(
        self,
        space: ConfigSpace,
        *,
        seed: int,
        points: Sequence[Config] = (),
        num_samples: int = DEFAULT_NUM_SAMPLES,
        shuffle: bool = True,
    ) -> None:
        if type(num_samples) is not int or num_samples < 1:
            raise UsageError(f"num_samples is {num_samples!r}; it must be a whole number from 1 up")
        self._space = space
        self._seed = seed
        self._shuffle = shuffle
        self._axes = [(name, domain.grid(num_samples)) for name, domain in space.domains.items()]
        self._size = math.prod(len(values) for _, values in self._axes)
        # A memory of what the arguments say anyway: the configs in order, without repeats.
        self._sequence = list(points)
        self._keys = {space.key(point) for point in points}
        self._walked = 0

    def suggest(self, history: History, number: int) -> Config | None:  # noqa: ARG002 - learns nothing
        """Return config ``number``, or None: the grid has been walked."""
        while len(self._sequence) <= number and self._walked < self._size:
            config = self._at(self._walked)
            self._walked += 1
            if self._space.key(config) not in self._keys:
                self._sequence.append(config)
        return self._sequence[number] if number < len(self._sequence) else None

    def _at(self, place: int) -> Config:
        index = shuffled(place, self._size, self._seed, "grid") if self._shuffle else place
        config: dict[str, Scalar] = {}
        for name, values in reversed(self._axes):
            index, digit = divmod(index, len(values))
            config[name] = values[digit]
        return {name: config[name] for name in self._space.domains}
