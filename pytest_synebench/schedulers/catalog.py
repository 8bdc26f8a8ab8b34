"""The schedulers by the names a user types.

Invariants (tests/schedulers/test_catalog.py holds each one):
- an unknown name is refused, with the nearest known one;
- what compares trials at resource levels is refused, by name, where the benchmark has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from pytest_synebench.errors import UsageError
from pytest_synebench.schedulers.asha_promotion import AshaPromotion
from pytest_synebench.schedulers.asha_stopping import AshaStopping
from pytest_synebench.schedulers.fifo import Fifo
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.schedulers.rungs import explicit_levels, rung_levels
from pytest_synebench.searchers.protocol import Searcher

NAMES = ("fifo", "asha_stopping", "asha_promotion")
#: Names that the system we succeed used.
ALIASES = {"hyperband_stopping": "asha_stopping", "hyperband_promotion": "asha_promotion"}

_HALVING = {"asha_stopping": AshaStopping, "asha_promotion": AshaPromotion}


def build(
    name: str,
    *,
    searcher: Searcher,
    resource_attr: str | None = None,
    max_resource: int | None = None,
    min_resource: int = 1,
    reduction_factor: int = 3,
    rung_levels: Sequence[int] | None = None,
) -> Scheduler:
    """Return a scheduler in its first state.

    Args:
        name: one of ``NAMES`` or ``ALIASES``.
        searcher: where configs come from.
        resource_attr: the metric that counts resource units; None: the benchmark names none.
        max_resource: last level of a trial, in resource units; None: not known.
        min_resource: first level at which trials are compared (grace_period).
        reduction_factor: eta: one trial in this many goes on, >= 2.
        rung_levels: levels at which trials are compared, instead of those that min_resource and
            reduction_factor give; max_resource is added. The share that goes on is 1/eta anyway.

    Raises:
        UsageError: no scheduler has the name, an argument breaks its rule, or the scheduler needs
            resource levels and the benchmark names none.
    """
    name = ALIASES.get(name, name)
    if name == "fifo":
        return Fifo(searcher, max_resource=max_resource if resource_attr else None)
    if name not in _HALVING:
        raise _unknown(name)
    last = _last_level(name, resource_attr, max_resource)
    levels = _levels(rung_levels, min_resource, last, reduction_factor)
    return _HALVING[name](searcher, levels=levels, reduction_factor=reduction_factor)


def _levels(
    explicit: Sequence[int] | None, min_resource: int, last: int, reduction_factor: int
) -> tuple[int, ...]:
    if explicit is not None:
        return explicit_levels(explicit, last)
    return rung_levels(min_resource, last, reduction_factor)


def _last_level(name: str, resource_attr: str | None, max_resource: int | None) -> int:
    if resource_attr is None:
        raise UsageError(
            f"{name} compares trials at resource levels, and the benchmark has no resource_attr; "
            "set it to the metric that counts epochs, or choose --scheduler fifo"
        )
    if max_resource is None:
        raise UsageError(
            f"{name} compares trials up to a last resource level, and the benchmark has none; set "
            "max_resource_attr or give --max_resource_level, or choose --scheduler fifo"
        )
    return max_resource


def _unknown(name: str) -> UsageError:
    near = get_close_matches(str(name), (*NAMES, *ALIASES), n=1)
    return UsageError(
        f"no scheduler is called {name!r}; known: {', '.join(NAMES)}"
        + (f". Did you mean {near[0]!r}?" if near else "")
    )
