"""In what order news leave a job."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.channel import Message
from pytest_synebench.training.agent.letters import MOST_MESSAGES
from pytest_synebench.training.agent.outbox import Outbox


def report(level: int) -> Message:
    return Message("report", 0, {"metrics": {"epoch": level}})


def flush(outbox: Outbox) -> list[Message]:
    out: list[Message] = []
    while letter := outbox.letter():
        assert len(letter) <= MOST_MESSAGES
        outbox.delivered(letter)
        out += letter
    return out


def test_a_checkpoint_waits_for_the_report_of_its_level() -> None:
    outbox = Outbox("epoch")
    outbox.freeze(3, Path("three"))
    outbox.put(report(2))
    flush(outbox)
    assert outbox.due() == (None, [])
    outbox.put(report(3))
    assert outbox.due() == (None, [])  # it has not arrived
    flush(outbox)
    assert outbox.due() == ((3, Path("three")), [])
    assert outbox.due() == (None, [])


def test_what_a_script_saved_last_is_kept_though_no_report_follows() -> None:
    outbox = Outbox("epoch")
    outbox.freeze(3, Path("three"))
    outbox.end()
    assert outbox.due() == ((3, Path("three")), [])


def test_where_there_are_no_levels_nothing_is_waited_for() -> None:
    outbox = Outbox(None)
    outbox.freeze(1, Path("one"))
    assert outbox.due() == ((1, Path("one")), [])


def test_of_several_the_newest_is_kept_and_what_must_wait_stays() -> None:
    outbox = Outbox("epoch")
    for level in (1, 2, 3):
        outbox.freeze(level, Path(str(level)))
    outbox.put(report(2))
    flush(outbox)
    assert outbox.due() == ((2, Path("2")), [Path("1")])
    outbox.end()
    assert outbox.due() == ((3, Path("3")), [])


def test_a_level_that_is_saved_again_replaces_itself() -> None:
    outbox = Outbox("epoch")
    assert outbox.freeze(1, Path("old")) is None
    assert outbox.freeze(1, Path("new")) == Path("old")
    outbox.end()
    assert outbox.due() == ((1, Path("new")), [])


@given(st.lists(st.integers(0, 3000), max_size=6))
def test_messages_leave_in_order_each_once(counts: list[int]) -> None:
    outbox = Outbox("epoch")
    put: list[Message] = []
    left: list[Message] = []
    for count in counts:
        for _ in range(count):
            put.append(report(len(put) + 1))
            outbox.put(put[-1])
        if letter := outbox.letter():
            outbox.delivered(letter)
            left += letter
    left += flush(outbox)
    assert all(one is other for one, other in zip(put, left, strict=True))


def test_a_report_without_a_level_delivers_none() -> None:
    outbox = Outbox("epoch")
    outbox.freeze(1, Path("one"))
    for metrics in (None, {"loss": 1.0}, {"epoch": "1"}):
        outbox.put(Message("report", 0, {"metrics": metrics}))
    flush(outbox)
    assert outbox.due() == (None, [])
