from __future__ import annotations

from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synebench.schedulers.pareto.fronts import Fronts
from pytest_synebench.schedulers.pareto.net import Net
from pytest_synebench.schedulers.pareto.sorting import Point, best, dominates

NUMBERS = st.integers(0, 6).map(float) | st.floats(-1, 1) | st.sampled_from([-1e308, 1e308])
#: Most of them with an exchange: what is better in one objective is worse in the other.
POINTS = st.tuples(NUMBERS, NUMBERS) | st.floats(0, 1).map(lambda x: (x, 1 - x))
STEPS = st.lists(st.tuples(POINTS, st.booleans(), st.integers(0, 30)), min_size=1, max_size=40)


@settings(max_examples=300)
@given(steps=STEPS, factor=st.integers(1, 4), more=st.sampled_from([0, 4, 16]))
def test_the_first_that_waits_is_the_first_in_order_that_does(
    steps: list[tuple[Point, bool, int]], factor: int, more: int
) -> None:
    with mock.patch("pytest_synebench.schedulers.pareto.fronts._MORE", more):
        _compare_with_sorting(steps, factor)


def _compare_with_sorting(steps: list[tuple[Point, bool, int]], factor: int) -> None:
    fronts, points, waiting = Fronts(), list[Point](), set[int]()
    for number, (point, waits, leaver) in enumerate(steps):
        fronts.add(number, *point)
        points.append(point)
        if waits:
            fronts.wait(number)
            waiting.add(number)
        fronts.leave(leaver)
        waiting.discard(leaver)
        count = len(points) // factor
        expected = next((i for i in best(points, count) if i in waiting), None)
        assert fronts.first_waiting(count) == expected


@given(points=st.lists(POINTS, min_size=1, max_size=25))
def test_a_front_is_ordered_as_by_comparing_each_with_each(points: list[Point]) -> None:
    entries = [(x, y, number) for number, (x, y) in enumerate(points)]
    front = sorted(one for one in entries if not any(dominates(o[:2], one[:2]) for o in entries))
    net = Net(front)
    assert [net.at(i) for i in range(len(front))] == best(points, len(points))[: len(front)]


def test_a_front_in_which_one_waits_is_not_put_in_order() -> None:
    fronts = Fronts()
    for number in range(9):
        fronts.add(number, float(number), -float(number))
    fronts.wait(4)
    with mock.patch("math.dist", side_effect=AssertionError):
        assert fronts.first_waiting(9) == 4


def test_a_front_that_is_pushed_out_whole_is_one_as_before() -> None:
    # Each point is better than all before it in both: every one is a front of its own.
    fronts = Fronts()
    for number in range(5):
        fronts.add(number, -float(number), -float(number))
        fronts.wait(number)
    seen = []
    while (first := fronts.first_waiting(5)) is not None:
        seen.append(first)
        fronts.leave(first)
    assert seen == [4, 3, 2, 1, 0]


def test_what_was_answered_is_worked_out_again_once_somebody_waits_or_leaves() -> None:
    fronts = Fronts()
    for number in range(4):
        fronts.add(number, float(number), float(number))
    assert fronts.first_waiting(2) is None
    fronts.wait(1)
    assert fronts.first_waiting(2) == 1
    fronts.wait(0)
    assert fronts.first_waiting(2) == 0
    fronts.leave(0)
    assert fronts.first_waiting(2) == 1
    fronts.add(4, -1.0, -1.0)
    assert fronts.first_waiting(2) is None
