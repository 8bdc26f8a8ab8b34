"""Rungs: the resource levels at which trials are compared, and the comparison itself.

Invariants (tests/schedulers/halving/test_rungs.py holds each one):
- levels are exact: 243 by 3 has the six levels 1, 3, 9, 27, 81, 243; each is the one before times
  the reduction factor, and the last is max_resource;
- a rung's top holds the floor(n / reduction_factor) best of its n losses, of equal losses the
  earlier; a loss that is no finite number ranks behind every one that is;
- a trial is promotable only from the top, while it waits, and only with a finite loss;
- a loss continues exactly if fewer than max(1, floor(n / reduction_factor)) of the rung's n losses,
  its own included, are better: equal losses fare equally;
- adding a loss, or taking a trial off, costs O(log n) comparisons; each question costs O(1).

Source: Li et al., MLSys 2020, arXiv:1810.05934, Algorithm 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from heapq import heappop, heappush, heappushpop
from itertools import pairwise

from pytest_synebench.errors import UsageError
from pytest_synebench.trial import Report, TrialId


def rung_levels(min_resource: int, max_resource: int, reduction_factor: int) -> tuple[int, ...]:
    """Return the resource levels at which trials are compared, ascending, exact.

    Args:
        min_resource: r in the paper: the first level, in resource units (epochs), >= 1.
        max_resource: R in the paper: the last level, same units, >= min_resource.
        reduction_factor: eta in the paper: one trial in this many moves up, >= 2.

    Raises:
        UsageError: a bound above is broken; the text names it and its value.

    Source: Li et al., MLSys 2020, arXiv:1810.05934, Algorithm 2, whose last level is the highest
    r * eta**k up to R; here R itself ends the ladder, since that is where scripts end.

    >>> rung_levels(1, 20, 3)
    (1, 3, 9, 20)
    """
    check_reduction_factor(reduction_factor)
    _check_integer("max_resource (the benchmark's last level)", max_resource, 1)
    _check_integer("min_resource (grace_period)", min_resource, 1)
    if min_resource > max_resource:
        raise UsageError(
            f"min_resource (grace_period) is {min_resource}; it must be at most max_resource, the "
            f"benchmark's last level, which is {max_resource}"
        )
    # Multiply, never log: log(243)/log(3) is 4.999..., which would lose a rung.
    levels = [min_resource]
    while levels[-1] * reduction_factor < max_resource:
        levels.append(levels[-1] * reduction_factor)
    return tuple(levels) if levels[-1] == max_resource else (*levels, max_resource)


def explicit_levels(levels: Sequence[int], max_resource: int) -> tuple[int, ...]:
    """Return the levels that a user listed, max_resource added where it is not the last of them.

    Raises:
        UsageError: they do not ascend, or one lies outside 1 to max_resource.

    >>> explicit_levels([2, 5], 9)
    (2, 5, 9)
    """
    check_levels(levels)
    _check_integer("max_resource (the benchmark's last level)", max_resource, 1)
    if levels[-1] > max_resource:
        raise UsageError(
            f"rung_levels ends with {levels[-1]}; no level may be above max_resource, the "
            f"benchmark's last level, which is {max_resource}"
        )
    return tuple(levels) if levels[-1] == max_resource else (*levels, max_resource)


def check_levels(levels: Sequence[int]) -> None:
    """Refuse what are not levels: integers from 1 up, each above the one before, at least one.

    Raises:
        UsageError: the text shows the levels.
    """
    for level in levels:
        _check_integer("a level of rung_levels", level, 1)
    if not levels or any(a >= b for a, b in pairwise(levels)):
        shown = ", ".join(map(str, levels)) or "empty"
        raise UsageError(f"rung_levels is {shown}; give levels that ascend, such as 1,3,9")


def check_reduction_factor(reduction_factor: int) -> None:
    """Refuse what is no reduction factor: an integer from 2 up.

    Raises:
        UsageError: the text names the value.
    """
    _check_integer("reduction_factor", reduction_factor, 2)


def _check_integer(name: str, value: object, minimum: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise UsageError(f"{name} is {value!r}; it must be an integer from {minimum} up")


class Rung:
    """The losses that trials had when they reached one level, ranked; and who waits there.

    Args:
        level: resource units; reports at it are compared here.
        reduction_factor: eta: one in this many is in the top, >= 2.
    """

    __slots__ = ("_factor", "_keys", "_rest", "_top", "_waiting", "_waits", "level")

    def __init__(self, level: int, reduction_factor: int) -> None:
        self.level = level
        self._factor = reduction_factor
        #: Rank of each trial here: (loss, arrival), lower is better.
        self._keys: dict[TrialId, tuple[float, int]] = {}
        self._top: list[tuple[float, int]] = []  #: heap of negated ranks: the worst first
        self._rest: list[tuple[float, int]] = []  #: heap of ranks: the best first
        self._waiting: set[TrialId] = set()
        #: Heap: (loss, arrival, trial). Its head waits; below it, some may have left.
        self._waits: list[tuple[float, int, TrialId]] = []

    @property
    def size(self) -> int:
        """How many losses are in."""
        return len(self._keys)

    def take(self, report: Report) -> None:
        """Take a trial's report at this level in: once per trial."""
        self.add(report.trial_id, report.loss)

    def add(self, trial_id: TrialId, loss: float) -> None:
        """Take a trial's loss at this level in: once per trial."""
        key = (loss if math.isfinite(loss) else math.inf, len(self._keys))
        self._keys[trial_id] = key
        worst = heappushpop(self._top, negated(key))
        heappush(self._rest, negated(worst))
        if len(self._top) < len(self._keys) // self._factor:
            heappush(self._top, negated(heappop(self._rest)))

    def continues(self, loss: float) -> bool:
        """Whether a further trial with this loss, counted in, would be good enough to go on."""
        if not math.isfinite(loss):
            return False
        places = max(1, (len(self._keys) + 1) // self._factor)
        if places > len(self._keys):
            return True
        last = -self._top[0][0] if places == len(self._top) else self._rest[0][0]
        return loss <= last

    def wait(self, trial_id: TrialId) -> None:
        """Note that a trial, whose loss is in, is paused here."""
        loss, arrival = self._keys[trial_id]
        self._waiting.add(trial_id)
        if math.isfinite(loss):
            heappush(self._waits, (loss, arrival, trial_id))

    def best_promotable(self) -> TrialId | None:
        """Return the best trial that waits here, if it is in the top; else None."""
        if not self._waits or not self._top:
            return None
        loss, arrival, trial_id = self._waits[0]
        # If any that waits is in the top, then the best that waits is.
        return trial_id if (-loss, -arrival) >= self._top[0] else None

    def leave(self, trial_id: TrialId) -> None:
        """Note that a trial does not wait here, or no longer. Its loss stays in."""
        self._waiting.discard(trial_id)
        while self._waits and self._waits[0][2] not in self._waiting:
            heappop(self._waits)


def negated(key: tuple[float, int]) -> tuple[float, int]:
    """Return a rank the other way round, for a heap whose head is the worst."""
    return (-key[0], -key[1])
