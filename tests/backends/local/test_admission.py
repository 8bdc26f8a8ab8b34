from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.backends.local.admission import Admission
from pytest_synebench.backends.local.devices import VISIBLE, Devices
from pytest_synebench.backends.protocol import AttemptKey, AttemptSpec
from pytest_synebench.trial import TrialId


def spec(number: int) -> AttemptSpec:
    return AttemptSpec(
        key=AttemptKey(TrialId(number), 0),
        config={},
        seed=0,
        directory=Path(),
        resource_attr=None,
        until=None,
        resume_at_most=0,
        checkpoint_at=None,
    )


def admitted(admission: Admission) -> list[int]:
    return [one.key.trial_id for one in iter(admission.admit, None)]


def test_those_beyond_the_capacity_wait_in_the_order_of_their_start() -> None:
    admission = Admission(2)
    for number in (4, 2, 3, 1):
        admission.enter(spec(number))
    assert admitted(admission) == [4, 2]
    assert admission.waiting() == (spec(3).key, spec(1).key)

    admission.leave(spec(2).key)
    admission.leave(spec(2).key)  # said twice, it is one place
    assert admitted(admission) == [3]


def test_whoever_leaves_the_queue_never_runs() -> None:
    admission = Admission(1)
    for number in range(3):
        admission.enter(spec(number))
    assert admitted(admission) == [0]
    assert [admission.waits(spec(number).key) for number in range(3)] == [False, True, True]
    admission.leave(spec(1).key)
    assert admitted(admission) == []
    admission.leave(spec(0).key)
    assert admitted(admission) == [2]


def test_a_dropped_queue_is_empty_and_what_runs_keeps_its_place() -> None:
    admission = Admission(1)
    for number in range(3):
        admission.enter(spec(number))
    assert admitted(admission) == [0]
    admission.drop()
    admission.enter(spec(7))
    assert admitted(admission) == []
    admission.leave(spec(0).key)
    assert admitted(admission) == [7]


def test_a_place_has_its_gpus_until_its_attempt_leaves() -> None:
    admission = Admission(2, Devices(["0", "1"], per_trial=1))
    for number in range(3):
        admission.enter(spec(number))
    assert admitted(admission) == [0, 1]
    first, second, third = (spec(number).key for number in range(3))
    assert admission.environment(third) == {}  # it waits
    assert admission.environment(second) == {VISIBLE: "0"}
    assert admission.environment(first) == {VISIBLE: "1"}

    admission.leave(first)
    assert admitted(admission) == [2]
    assert admission.environment(third) == {VISIBLE: "1"}
    assert admission.environment(first) == {}


def test_without_a_capacity_all_run() -> None:
    admission = Admission()
    for number in range(50):
        admission.enter(spec(number))
    assert admitted(admission) == list(range(50))


@given(capacity=st.integers(1, 4), leaving=st.lists(st.integers(0, 11) | st.none(), max_size=40))
def test_no_more_than_the_capacity_run_and_nobody_waits_beside_a_free_place(
    capacity: int, leaving: list[int | None]
) -> None:
    admission = Admission(capacity)
    running: list[int] = []
    order: list[int] = []
    entered = 0
    for number in leaving:
        if number is None:
            admission.enter(spec(entered))
            entered += 1
        else:
            admission.leave(spec(number).key)
            running = [other for other in running if other != number]
        now = admitted(admission)
        running += now
        order += now
        assert len(running) <= capacity
        assert len(running) == capacity or not admission.waiting()
    assert order == sorted(order)
