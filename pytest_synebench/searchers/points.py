"""The configs that a user wants evaluated first.

Invariants (tests/searchers/test_points.py holds each one):
- ``None`` is one config, the midpoint of the space; ``[]`` is none;
- a partial config is completed by midpoints; of equal configs the first is kept;
- an unknown name, or a value outside of the space, is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_synebench.errors import UsageError
from pytest_synebench.space import ConfigSpace
from pytest_synebench.trial import Config


def initial_configs(
    space: ConfigSpace, points_to_evaluate: Sequence[Config] | None
) -> tuple[Config, ...]:
    """Return the whole configs to evaluate first, in order, each once.

    Args:
        space: the configuration space.
        points_to_evaluate: configs, whole or partial; None: the midpoint; empty: none.

    Raises:
        UsageError: it is no list of mappings, or an entry does not lie in the space.
    """
    if points_to_evaluate is None:
        return (space.midpoint(),)
    if isinstance(points_to_evaluate, str | Mapping) or not isinstance(
        points_to_evaluate, Sequence
    ):
        raise UsageError(
            f"points_to_evaluate is {points_to_evaluate!r}; it must be a list of configs, such as "
            f"[{space.midpoint()!r}], [] for none, or None for the midpoint"
        )
    distinct: dict[str, Config] = {}
    for i, point in enumerate(points_to_evaluate):
        config = _completed(space, point, f"points_to_evaluate[{i}]")
        distinct.setdefault(space.key(config), config)
    return tuple(distinct.values())


def _completed(space: ConfigSpace, point: Config, where: str) -> Config:
    try:
        return space.complete(point)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
