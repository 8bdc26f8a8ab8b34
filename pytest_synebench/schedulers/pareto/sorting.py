"""Non-dominated sorting: an order of points in which no objective is worth more than another.

A point dominates another if it is no worse in any objective and better in one. The first front are
the points that none dominates; the second, those that none dominates once the first is taken away;
and so on. Within a front points come in the order of an epsilon-net: first the one that is best in
the first objective, then always the one that is furthest from all that came before, so that any
head of the order is spread over the front. Distances are Euclidean, in the objectives' own units.

Invariants (tests/schedulers/pareto/test_sorting.py holds each one):
- no point comes before one that dominates it;
- points with an objective that is no finite number come last;
- the order is that of the plain definition; of equals the earlier point comes first.

Source: Schmucker et al., arXiv:2106.12639, section 4 (NSGA-II's sorting, Deb et al. 2002, with an
epsilon-net instead of crowding distance); Clarkson, "Nearest-Neighbor Searching and Metric Space
Dimensions", 2005, for the net.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

Point: TypeAlias = tuple[float, ...]


def dominates(one: Point, two: Point) -> bool:
    """Whether a point is no worse than another one anywhere, and better somewhere.

    >>> dominates((1, 2), (1, 3)), dominates((1, 2), (1, 2))
    (True, False)
    """
    return one != two and all(a <= b for a, b in zip(one, two, strict=True))


def best(points: Sequence[Point], count: int) -> list[int]:
    """Return the numbers of the first points in order, as many as asked, diverged ones left out.

    >>> best([(1, 9), (2, 2), (9, 1), (3, 3)], 4)
    [0, 2, 1, 3]
    """
    left = [i for i, point in enumerate(points) if all(map(math.isfinite, point))]
    order: list[int] = []
    while left and len(order) < count:
        front = _front(points, left)
        order += _spread(points, front, count - len(order))
        taken = set(front)
        left = [i for i in left if i not in taken]
    return order


def _front(points: Sequence[Point], left: Sequence[int]) -> list[int]:
    front: list[int] = []
    # Who comes later in this order dominates nobody before it.
    for i in sorted(left, key=lambda i: (points[i], i)):
        if not any(dominates(points[j], points[i]) for j in front):
            front.append(i)
    return sorted(front)


def _spread(points: Sequence[Point], front: Sequence[int], count: int) -> list[int]:
    """Return up to ``count`` points of a front, each as far as can be from those before it."""
    first = min(front, key=lambda i: points[i])
    order, apart = [first], {i: math.dist(points[i], points[first]) for i in front if i != first}
    while apart and len(order) < count:
        furthest = max(apart, key=apart.__getitem__)  # of equals the earlier one
        order.append(furthest)
        del apart[furthest]
        for i in apart:
            apart[i] = min(apart[i], math.dist(points[i], points[furthest]))
    return order
