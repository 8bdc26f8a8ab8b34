"""How many requests are under way at once."""

from __future__ import annotations

from threading import Barrier, Lock, Thread

from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.checkpoints.s3.pace import MOST, Pace, Window

OUTCOMES = st.lists(st.sampled_from(["answered", "slow", "refused"]), max_size=300)


def after(window: Window, outcomes: list[str]) -> Window:
    for outcome in outcomes:
        match outcome:
            case "answered":
                window = window.answered()
            case "slow":
                window = window.answered(slow=True)
            case _:
                window = window.refused()
    return window


@given(outcomes=OUTCOMES)
def test_there_is_always_room_for_one_and_never_for_more_than_the_most(outcomes: list[str]) -> None:
    assert 1 <= after(Window(), outcomes).room <= MOST


@given(outcomes=OUTCOMES)
def test_answers_bring_it_to_the_most_from_anywhere(outcomes: list[str]) -> None:
    # Each step from n to n + 1 takes about n answers: 1 + 2 + … + 15, and what is passed over.
    window = after(after(Window(), outcomes), ["answered"] * (MOST * (MOST + 2) // 2 + MOST))
    assert window.room == MOST


@given(outcomes=OUTCOMES)
def test_slow_answers_give_nothing_and_take_nothing(outcomes: list[str]) -> None:
    before = after(Window(), outcomes)
    assert after(before, ["slow"] * 50).size == before.size


@given(size=st.integers(1, MOST), data=st.data())
def test_all_that_were_under_way_when_a_server_was_busy_halve_it_once(
    size: int, data: st.DataObject
) -> None:
    late = data.draw(st.lists(st.sampled_from(["answered", "slow", "refused"]), max_size=size - 1))
    window = after(Window(float(size)).refused(), late)
    assert window.size >= max(1.0, size / 2)
    assert window.room <= max(1, size // 2) + 3, "and what was answered gives little back"


@given(size=st.floats(1.0, MOST))
def test_a_server_that_stays_busy_is_asked_by_one_at_a_time(size: float) -> None:
    assert after(Window(size), ["refused"] * 100).room == 1


def test_no_more_than_there_is_room_for_are_under_way() -> None:
    pace, under_way, seen = Pace(), 0, list[int]()
    lock, begun = Lock(), Barrier(pace.room)

    def ask() -> None:
        nonlocal under_way
        with pace.turn():
            with lock:
                under_way += 1
                seen.append(under_way)
                number = len(seen)
            if number <= pace.room:
                begun.wait(10)
            with lock:
                under_way -= 1

    threads = [Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(seen) == pace.room


def test_what_takes_many_times_the_best_of_its_size_counts_as_slow_then_as_refused() -> None:
    pace = Pace()
    for _ in range(40):
        pace.answered(0.01)
    room = pace.room
    assert room > 4
    for _ in range(40):
        pace.answered(5.0, 16 << 20)  # large bodies take their time
    assert pace.room >= room
    room = pace.room
    for _ in range(3):
        pace.answered(0.1)
    assert pace.room == room
    pace.answered(10.0)
    assert pace.room == room // 2
