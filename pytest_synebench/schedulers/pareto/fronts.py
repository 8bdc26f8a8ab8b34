"""Fronts of points with two objectives, kept as points come; who waits in which of them.

The order is that of ``sorting``, which sorts all points anew. Here only as many fronts are kept as
were asked about, and a quarter more; the points behind them are a heap without order, of which more
fronts are made when they are needed. A point finds its front by halving, and pushes out what it
dominates there, one stretch, since a front stands by the first objective. That stretch does the
same in the next front, to the last one that is kept.

So a point costs O(log n) for each front that it moves something in. Of n points whose objectives
have nothing to do with one another there are about 2 sqrt(n) fronts, and most points lie behind
those that are kept; where the objectives contradict each other there are fewer.

Invariants (tests/schedulers/pareto/test_fronts.py holds each one):
- the first that waits is the first in the order of ``sorting.best`` that does, whatever came how;
- what is asked again is answered as before until a front, or who waits in one, changes;
- a front's order is worked out only where several wait in it, or where it is the last that counts.

Source: Li et al., "Efficient Nondomination Level Update Method for Steady-State Evolutionary
Multiobjective Optimization", IEEE Transactions on Cybernetics 47, 2017, for the update.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from pytest_synebench.schedulers.pareto.net import Entry, Net

_MORE = 16  # points that are kept in fronts beyond a quarter more than were asked about


class _Front:
    """Points of which none dominates another."""

    __slots__ = ("_falling", "_net", "entries", "waiting")

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = list(entries)  #: by the first objective, ascending: so the second descends
        self.waiting: set[int] = set()  #: numbers of those that wait
        self._falling = [-y for _, y, _ in entries]  # to be halved as what ascends is
        self._net: Net | None = None  #: its order, if it was asked for since the last change

    def dominates(self, x: float, y: float) -> bool:
        """Whether one of them dominates a point."""
        # Of those that are no worse in the first objective, the last is best in the second.
        at = bisect_right(self.entries, (x, math.inf, 0))
        return at > 0 and self.entries[at - 1][:2] != (x, y) and self.entries[at - 1][1] <= y

    def take(self, stretch: Sequence[Entry]) -> list[Entry]:
        """Take points in that none of them dominates; return those that they dominate, now out.

        Args:
            stretch: one point, or points that stood side by side in the front before.
        """
        x, y, _ = stretch[0]
        begin = bisect_right(self.entries, (x, y, sys.maxsize))
        end = bisect_right(self._falling, -stretch[-1][1], begin)
        out = self.entries[begin:end]
        self.entries[begin:end] = stretch
        self._falling[begin:end] = [-y for _, y, _ in stretch]
        self._net = None
        return out

    def first(self, count: int) -> int | None:
        """Return who comes first in the front's order of those that wait among ``count``."""
        if len(self.waiting) == 1 and count >= len(self.entries):
            return next(iter(self.waiting))
        net = self._net = self._net or Net(self.entries)
        numbers = (net.at(place) for place in range(min(count, len(self.entries))))
        return next((number for number in numbers if number in self.waiting), None)


class Fronts:
    """Points by front; see the module."""

    def __init__(self) -> None:
        self._fronts: list[_Front] = []
        self._kept = 0  #: points in them
        self._rest: list[Entry] = []  #: the others, each dominated by one in the last front
        self._of: dict[int, _Front | None] = {}  #: the front of each point; None: of the rest
        self._waiting: set[int] = set()
        self._answered: tuple[int, int | None] | None = (0, None)  #: count, and who came first

    def add(self, number: int, x: float, y: float) -> None:
        """Take a point with finite objectives in."""
        at = bisect_left(self._fronts, 0, key=lambda front: -front.dominates(x, y))
        out = [(x, y, number)]
        if at < len(self._fronts) or (self._answered and self._kept < self._answered[0]):
            self._answered = None
        self._kept += 1
        for place in range(at, len(self._fronts)):
            front = self._fronts[place]
            pushed = front.take(out)
            self._enter(front, out)
            if pushed and len(front.entries) == len(out):
                # It was pushed out whole: it is a front as before, and so are those behind it.
                self._fronts.insert(place + 1, whole := _Front(pushed))
                self._enter(whole, pushed)
                return
            out = pushed
            if not out:
                return
        self._kept -= len(out)
        self._rest += out
        self._enter(None, out)

    def _enter(self, front: _Front | None, entries: Iterable[Entry]) -> None:
        """Note in which front points are now, and with them who waits."""
        for _, _, number in entries:
            before = self._of.get(number)
            self._of[number] = front
            if number in self._waiting:
                if before is not None:
                    before.waiting.discard(number)
                if front is not None:
                    front.waiting.add(number)

    def wait(self, number: int) -> None:
        """Note that a point's trial waits."""
        if number in self._of:
            self._waiting.add(number)
            if (front := self._of[number]) is not None:
                front.waiting.add(number)
                self._answered = None

    def leave(self, number: int) -> None:
        """Note that it does not wait, or no longer."""
        self._waiting.discard(number)
        if (front := self._of.get(number)) is not None:
            front.waiting.discard(number)
            self._answered = None

    def first_waiting(self, count: int) -> int | None:
        """Return who comes first of those that wait among the first ``count`` points in order."""
        if self._answered is None or self._answered[0] != count:
            if self._kept < count and self._rest:
                self._keep(count + count // 4 + _MORE)
            self._answered = (count, self._first(count))
        return self._answered[1]

    def _first(self, count: int) -> int | None:
        for front in self._fronts:
            if count <= 0:
                break
            if front.waiting and (number := front.first(count)) is not None:
                return number
            count -= len(front.entries)
        return None

    def _keep(self, wanted: int) -> None:
        """Make fronts of the rest, until so many points are kept."""
        made = _sorted(self._rest)
        for first, entries in enumerate(made):
            if self._kept >= wanted:
                self._rest = [entry for others in made[first:] for entry in others]
                return
            front = _Front(entries)
            self._fronts.append(front)
            self._kept += len(entries)
            self._enter(front, entries)
        self._rest = []


def _sorted(points: Iterable[Entry]) -> list[list[Entry]]:
    """Return points by front: who comes later by both objectives dominates nobody before it."""
    fronts: list[list[Entry]] = []
    lowest: list[float] = []  # the second objective of the last in each front; ascending
    at, before = 0, (math.nan, math.nan)
    for x, y, number in sorted(points):
        if (x, y) != before:
            at, before = bisect_right(lowest, y), (x, y)
        if at == len(fronts):
            fronts.append([])
            lowest.append(y)
        fronts[at].append((x, y, number))
        lowest[at] = y
    return fronts
