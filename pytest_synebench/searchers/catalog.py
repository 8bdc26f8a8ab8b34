"""The searchers by the names a user types."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from pytest_synebench.errors import UsageError
from pytest_synebench.searchers.grid import DEFAULT_NUM_SAMPLES, GridSearch
from pytest_synebench.searchers.points import initial_configs
from pytest_synebench.searchers.protocol import Searcher
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace
from pytest_synebench.trial import Config

NAMES = ("random", "grid")


def build(
    name: str,
    space: ConfigSpace,
    *,
    seed: int,
    points_to_evaluate: Sequence[Config] | None = None,
    allow_duplicates: bool = False,
    num_samples: int = DEFAULT_NUM_SAMPLES,
    shuffle: bool = True,
) -> Searcher:
    """Return a searcher.

    Args:
        name: one of ``NAMES``.
        space: the configuration space.
        seed: what chance depends on.
        points_to_evaluate: configs to suggest first, whole or partial; None: the midpoint.
        allow_duplicates: random: whether a finite space may be drawn from twice.
        num_samples: grid: values per interval.
        shuffle: grid: whether the order is shuffled, or the first argument varies slowest.

    Raises:
        UsageError: no searcher has the name, or an argument breaks its rule.
    """
    points = initial_configs(space, points_to_evaluate)
    if name == "random":
        return RandomSearch(space, seed=seed, points=points, allow_duplicates=allow_duplicates)
    if name == "grid":
        return GridSearch(space, seed=seed, points=points, num_samples=num_samples, shuffle=shuffle)
    near = get_close_matches(str(name), NAMES, n=1)
    raise UsageError(
        f"no searcher is called {name!r}; known: {', '.join(NAMES)}"
        + (f". Did you mean {near[0]!r}?" if near else "")
    )
