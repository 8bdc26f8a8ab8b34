"""Schedulers of third parties: entry points of the group ``synebench.schedulers``.

    [project.entry-points."synebench.schedulers"]
    my_rule = "my_package.my_rule:build"

An entry point names a factory: called with ``Arguments``, it returns a ``Scheduler`` in its first
state. It is imported when an experiment asks for it, not before.

Invariants (tests/schedulers/test_registry.py holds each one):
- looking names up imports nothing of theirs;
- a factory that cannot be imported, or returns no scheduler, is refused with its name and origin.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import metadata

from pytest_synebench.errors import UsageError
from pytest_synebench.schedulers.arguments import Arguments
from pytest_synebench.schedulers.protocol import Scheduler

GROUP = "synebench.schedulers"
Factory = Callable[[Arguments], Scheduler]


@cache
def installed() -> dict[str, metadata.EntryPoint]:
    """Return the entry points by their names; nothing is imported."""
    return {point.name: point for point in metadata.entry_points(group=GROUP)}


def build(name: str, arguments: Arguments) -> Scheduler:
    """Return a third party's scheduler in its first state.

    Raises:
        UsageError: its factory cannot be imported, or what it returns is no scheduler. What the
            factory itself raises passes through.
    """
    point = installed()[name]
    try:
        factory = point.load()
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"the scheduler {name!r} is {point.value!r}, which cannot be imported: {error}; mend "
            f"the entry point of its package (group {GROUP}), or choose another scheduler"
        ) from None
    made = factory(arguments)
    missing = [
        part for part in ("decide", "fold", "handle", "pauses", "levels") if _lacks(made, part)
    ]
    if missing:
        raise UsageError(
            f"the scheduler {name!r} is {point.value!r}, which returned {made!r}: it lacks "
            f"{', '.join(missing)}; a factory takes Arguments and returns a Scheduler"
        )
    scheduler: Scheduler = made
    return scheduler


def _lacks(made: object, part: str) -> bool:
    return not hasattr(made, part)
