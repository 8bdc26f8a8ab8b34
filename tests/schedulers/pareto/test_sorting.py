from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.schedulers.pareto.sorting import Point, best, dominates

NUMBERS = st.integers(0, 5).map(float) | st.sampled_from([math.nan, math.inf]) | st.floats(0, 1)
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=14)


def plainly(points: list[Point]) -> list[int]:
    """Return the whole order, by the definition and nothing else."""
    left = [i for i, point in enumerate(points) if all(map(math.isfinite, point))]
    order: list[int] = []
    while left:
        front = [i for i in left if not any(dominates(points[j], points[i]) for j in left)]
        net: list[int] = [min(front, key=lambda i: points[i])]
        while len(net) < len(front):
            rest = [i for i in front if i not in net]
            net.append(max(rest, key=lambda i: min(math.dist(points[i], points[j]) for j in net)))
        order += net
        left = [i for i in left if i not in front]
    return order


@given(points=POINTS, count=st.integers(0, 15))
def test_the_order_is_that_of_the_definition(points: list[Point], count: int) -> None:
    assert best(points, count) == plainly(points)[:count]


@given(points=POINTS)
def test_no_point_comes_before_one_that_dominates_it(points: list[Point]) -> None:
    order = best(points, len(points))
    for at, later in enumerate(order):
        assert not any(dominates(points[later], points[earlier]) for earlier in order[:at])


def test_an_example_by_hand() -> None:
    # Front: a (0, 10), b (1, 9), c (5, 5), d (10, 0). Best in the first objective: a; furthest from
    # it: d; then c, 7.07 from both; then b. Behind them e, which c dominates.
    points = [(0.0, 10.0), (1.0, 9.0), (5.0, 5.0), (10.0, 0.0), (6.0, 6.0)]
    assert best(points, 5) == [0, 3, 2, 1, 4]
    assert best(points, 2) == [0, 3]


def test_a_point_that_is_none_is_left_out() -> None:
    assert best([(math.nan, 0.0), (0.0, -math.inf), (1.0, 1.0)], 3) == [2]
