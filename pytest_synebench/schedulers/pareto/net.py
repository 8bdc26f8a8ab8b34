"""The order of one front's points: first the best in the first objective, then always the furthest.

Along a front that stands by the first objective, points are the further apart the more of them lie
between. So whoever is in the order already is nearest to a point as its neighbour on one side, and
the furthest point of a gap lies where the two neighbours are equally far: it is found by halving.

Invariants (tests/schedulers/pareto/test_fronts.py):
- the order is that of ``sorting``, which compares each point with each; of equals the earlier one;
- as much of it is worked out as was asked for: O(log m) for each place of m.

Source: Clarkson, "Nearest-Neighbor Searching and Metric Space Dimensions", 2005, for the net.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import TypeAlias

Entry: TypeAlias = tuple[float, float, int]  #: a point, and its number

_EQUAL = 1 - 2**-48  # as far as rounding may tear two equal distances apart, and more


class Net:
    """As much of the order as was asked for.

    Args:
        front: by the first objective, ascending, none of which dominates another. Not to be changed
            while this is used.
    """

    __slots__ = ("_front", "_gaps", "_order")

    def __init__(self, front: Sequence[Entry]) -> None:
        self._front = front
        self._order = [front[0][2]]
        #: Heap of the gaps between those in the order: (-distance, number, place, ends of the gap).
        self._gaps: list[tuple[float, int, int, int, int]] = []
        self._open(0, len(front))

    def at(self, place: int) -> int:
        """Return the number of the point at a place of the order."""
        while len(self._order) <= place:
            _, number, middle, left, right = heappop(self._gaps)
            self._order.append(number)
            self._open(left, middle)
            self._open(middle, right)
        return self._order[place]

    def _open(self, left: int, right: int) -> None:
        """Find the furthest point between two that are in the order; the last place has no end."""
        if right - left < 2:
            return
        low, high = left + 1, right
        while low < high:
            middle = (low + high) // 2
            if self._apart(left, middle) < self._apart(middle, right):
                low = middle + 1
            else:
                high = middle
        places = [place for place in (low - 1, low) if left < place < right]
        found = [(min(self._apart(left, i), self._apart(i, right)), i) for i in places]
        furthest = max(found)[0]
        equals = [(-apart, self._front[i][2], i) for apart, i in found]
        for begin, step in ((low - 2, -1), (low + 1, 1)):
            place = begin
            while left < place < right:
                apart = min(self._apart(left, place), self._apart(place, right))
                if apart < furthest * _EQUAL:
                    break
                equals.append((-apart, self._front[place][2], place))
                place += step
        heappush(self._gaps, (*min(equals), left, right))

    def _apart(self, one: int, other: int) -> float:
        if other == len(self._front):
            return math.inf
        return math.dist(self._front[one][:2], self._front[other][:2])
