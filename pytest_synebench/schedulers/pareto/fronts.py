"""Fronts of points with two objectives, kept as points come; who waits in which of them.

The order is that of ``sorting``, which sorts all points anew; here a point finds its front by
halving, and pushes out what it dominates there, which does the same in the next front. Nothing else
is touched. In a front points stand by the first objective, so what is pushed out is one stretch.

Invariants (tests/schedulers/pareto/test_fronts.py holds each one):
- the first that waits is the first in the order of ``sorting.best`` that does, whatever came how;
- a front's order is worked out only where several wait in it, or where it is the last that counts.

Source: Li et al., "Efficient Nondomination Level Update Method for Steady-State Evolutionary
Multiobjective Optimization", IEEE Transactions on Cybernetics 47, 2017, for the update.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import TypeAlias

_Entry: TypeAlias = tuple[float, float, int]  # a point, and its number


class _Front:
    """Points of which none dominates another."""

    __slots__ = ("_apart", "_net", "entries", "waiting")

    def __init__(self, entries: Sequence[_Entry] = ()) -> None:
        self.entries = list(entries)  #: by the first objective, ascending: so the second descends
        self.waiting: set[int] = set()  #: numbers of those that wait
        self._net: list[int] = []  #: as much of the front's order as was asked for
        self._apart: dict[int, float] = {}  #: of the others, by number: how far from all in it

    def dominates(self, x: float, y: float) -> bool:
        """Whether one of them dominates a point."""
        # Of those that are no worse in the first objective, the last is best in the second.
        at = bisect_right(self.entries, (x, math.inf, 0))
        return at > 0 and self.entries[at - 1][:2] != (x, y) and self.entries[at - 1][1] <= y

    def take(self, entry: _Entry) -> list[_Entry]:
        """Take a point in that none of them dominates; return those that it dominates, now out."""
        x, y, number = entry
        begin = bisect_right(self.entries, (x, y, sys.maxsize))
        end = bisect_right(self.entries, -y, lo=begin, key=lambda other: -other[1])
        out = self.entries[begin:end]
        del self.entries[begin:end]
        self.entries.insert(bisect_left(self.entries, (x, y, number)), entry)
        self._net.clear()
        return out

    def first(self, count: int) -> int | None:
        """Return who comes first in the front's order of those that wait among ``count``."""
        if len(self.waiting) == 1 and count >= len(self.entries):
            return next(iter(self.waiting))
        while len(self._net) < min(count, len(self.entries)):
            self._extend()
        return next((number for number in self._net[:count] if number in self.waiting), None)

    def _extend(self) -> None:
        """Find who is furthest from all that the order has so far."""
        if not self._net:
            x, y, number = self.entries[0]
            others = sorted(self.entries[1:], key=lambda entry: entry[2])
            self._apart = {other: math.dist((x, y), (a, b)) for a, b, other in others}
        else:
            number = max(self._apart, key=self._apart.__getitem__)  # of equals the earlier one
            del self._apart[number]
            x, y = next((a, b) for a, b, other in self.entries if other == number)
            for a, b, other in self.entries:
                if other in self._apart:
                    self._apart[other] = min(self._apart[other], math.dist((x, y), (a, b)))
        self._net.append(number)


class Fronts:
    """Points by front; see the module."""

    def __init__(self) -> None:
        self._fronts: list[_Front] = []
        self._of: dict[int, _Front] = {}  #: the front of each point, by number

    def add(self, number: int, x: float, y: float) -> None:
        """Take a point with finite objectives in."""
        at = bisect_left(self._fronts, 0, key=lambda front: -front.dominates(x, y))
        out = [(x, y, number)]
        while out:
            if at == len(self._fronts):
                self._fronts.append(_Front())
            front = self._fronts[at]
            pushed = [other for entry in out for other in front.take(entry)]
            self._enter(front, out)
            at += 1
            if pushed and len(front.entries) == len(out):
                # It was pushed out whole: it is a front as before, and so are those behind it.
                self._fronts.insert(at, whole := _Front(sorted(pushed)))
                self._enter(whole, pushed)
                return
            out = pushed

    def _enter(self, front: _Front, entries: Iterable[_Entry]) -> None:
        """Note in which front points are now, and with them who waits."""
        for _, _, number in entries:
            before = self._of.get(number)
            if before is not None and number in before.waiting:
                before.waiting.discard(number)
                front.waiting.add(number)
            self._of[number] = front

    def wait(self, number: int) -> None:
        """Note that a point's trial waits."""
        if number in self._of:
            self._of[number].waiting.add(number)

    def leave(self, number: int) -> None:
        """Note that it does not wait, or no longer."""
        if number in self._of:
            self._of[number].waiting.discard(number)

    def first_waiting(self, count: int) -> int | None:
        """Return who comes first of those that wait among the first ``count`` points in order."""
        for front in self._fronts:
            if count <= 0:
                break
            if front.waiting and (number := front.first(count)) is not None:
                return number
            count -= len(front.entries)
        return None
