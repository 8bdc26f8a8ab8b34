"""How large a shift is put up with, in units of the metric.

A number is that. A share, such as "10%", is one of how much better the baseline is than random
search: what a merge may give away of what tuning has gained.

Invariants (tests/analysis/test_tolerances.py):
- random search is the baseline's setup with another searcher: all else of the problem is equal;
- where random search is as good, nothing is put up with;
- a share without random search in the baseline is refused, with the way out.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from pytest_synebench.analysis.baselines import Entry
from pytest_synebench.analysis.curves import FINAL
from pytest_synebench.analysis.statistics.ranks import ordered
from pytest_synebench.errors import UsageError

_RANDOM = "random"


def in_units(
    tolerance: float | str | None, entry: Entry, entries: Mapping[str, Entry], name: str
) -> float:
    """Return a tolerance in units of the metric.

    Args:
        tolerance: a number, a share such as "10%", or None: nothing is put up with.
        entry: of the setup that is judged.
        entries: all of the baseline, by benchmark::setup.
        name: of the setup, for errors.

    Raises:
        UsageError: it is a share, and the baseline has no random search of the same problem.
    """
    if not isinstance(tolerance, str):
        return tolerance or 0.0
    searched = [one for one in entries.values() if _at_random(one, entry)]
    if not searched or _searcher(entry) == _RANDOM:
        raise UsageError(_why_not(tolerance, entry, name))
    before = [median(map(ordered, one.scores()[FINAL])) for one in (searched[0], entry)]
    gap = before[0] - before[1]
    return float(tolerance.removesuffix("%")) / 100 * gap if 0 < gap < float("inf") else 0.0


def _at_random(one: Entry, entry: Entry) -> bool:
    return _searcher(one) == _RANDOM and _but_for_searcher(one) == _but_for_searcher(entry)


def _searcher(entry: Entry) -> str:
    return str(entry.data["problem"]["params"].get("searcher", ""))


def _but_for_searcher(entry: Entry) -> dict[str, Any]:
    problem = entry.data["problem"]
    params = {k: v for k, v in problem["params"].items() if not k.startswith("searcher")}
    return {**problem, "params": params, "setup": ""}


def _why_not(tolerance: str, entry: Entry, name: str) -> str:
    if _searcher(entry) == _RANDOM:
        return (
            f"the tolerance of {name} is {tolerance!r}, a share of how much better it is than "
            "random search, and it is random search; give a number, in units of the metric"
        )
    return (
        f"the tolerance of {name} is {tolerance!r}, a share of how much better it is than random "
        "search, and the baseline has no random search of it; save one on the commit to compare "
        "with, by the same options and --searcher random, or give a number, in units of the metric"
    )
