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

    __slots__ = ("_front", "_gaps", "_order", "_points")

    def __init__(self, front: Sequence[Entry]) -> None:
        self._front = front
        self._points = [(x, y) for x, y, _ in front]
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
        points, dist = self._points, math.dist
        begin = points[left]
        # Behind the last point there is nothing: all of them are infinitely far from it.
        end = points[right] if right < len(points) else None
        low, high = left + 1, right
        while low < high and end is not None:
            middle = (low + high) // 2
            if dist(begin, points[middle]) < dist(points[middle], end):
                low = middle + 1
            else:
                high = middle
        if end is None:
            low = right
        places = [place for place in (low - 1, low) if left < place < right]
        found = [(self._apart(left, i, right), i) for i in places]
        furthest = max(found)[0]
        equals = [(-apart, self._front[i][2], i) for apart, i in found]
        for first, step in ((low - 2, -1), (low + 1, 1)):
            place = first
            while left < place < right:
                apart = self._apart(left, place, right)
                if apart < furthest * _EQUAL:
                    break
                equals.append((-apart, self._front[place][2], place))
                place += step
        heappush(self._gaps, (*min(equals), left, right))

    def _apart(self, left: int, place: int, right: int) -> float:
        """Return how far a point is from the nearer of two."""
        points = self._points
        apart = math.dist(points[left], points[place])
        return min(apart, math.dist(points[place], points[right])) if right < len(points) else apart
