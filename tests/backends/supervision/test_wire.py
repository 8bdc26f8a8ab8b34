"""What controller and supervisor say to each other arrives as it was said."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.backends.supervision.wire import Line, Order, read_order, write_order

TEXT = st.text(st.characters(exclude_categories=[]), max_size=20)
ORDERS = st.builds(
    Order,
    script=TEXT,
    arguments=st.lists(TEXT, max_size=4).map(tuple),
    environment=st.dictionaries(TEXT, TEXT, max_size=4),
    directory=TEXT,
    interpreter=st.none() | TEXT,
)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Line, Line]]:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, other:
        yield one, Line(one), Line(other)


def open_descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names


@given(order=ORDERS)
def test_an_order_arrives_equal(order: Order) -> None:
    assert read_order(write_order(order)) == order


def test_an_order_of_any_size_arrives_equal_over_the_line(
    ends: tuple[socket.socket, Line, Line],
) -> None:
    _, mine, other = ends
    order = Order(
        script="/train.py",
        arguments=("x" * 5_000_000,),
        environment={},
        directory="/",
        interpreter=None,
    )
    fd = write_order(order)
    mine.send({"do": "launch", "job": 1}, [fd])
    os.close(fd)
    heard = other.receive()
    assert heard is not None
    assert read_order(*heard[1]) == order


def test_messages_stay_apart_and_descriptors_in_their_order(
    ends: tuple[socket.socket, Line, Line],
) -> None:
    _, mine, other = ends
    pipes = [os.pipe() for _ in range(3)]
    mine.send({"job": 1, "why": "é\ud800"}, [write for _, write in pipes])
    mine.send({"job": 2})
    heard = other.receive()
    assert heard is not None
    message, got = heard
    assert message == {"job": 1, "why": "é\ud800"}
    for number, fd in enumerate(got):
        os.write(fd, b"%d" % number)
    assert [os.read(read, 10) for read, _ in pipes] == [b"0", b"1", b"2"]
    assert other.receive() == ({"job": 2}, [])
    for fd in [*got, *(fd for pipe in pipes for fd in pipe)]:
        os.close(fd)


def test_descriptors_are_not_handed_on(ends: tuple[socket.socket, Line, Line]) -> None:
    _, mine, other = ends
    mine.send({}, [0])
    heard = other.receive()
    assert heard is not None
    assert [os.get_inheritable(fd) for fd in heard[1]] == [False]
    os.close(heard[1][0])
    fd = write_order(Order(script="", arguments=(), environment={}, directory="", interpreter=None))
    assert not os.get_inheritable(fd)
    os.close(fd)


def test_a_message_refused_leaves_no_descriptor_open(
    ends: tuple[socket.socket, Line, Line],
) -> None:
    end, _, other = ends
    before = open_descriptors()
    socket.send_fds(end, [b"no message"], [0, 1])
    with pytest.raises(ValueError, match="Expecting value"):
        other.receive()
    assert open_descriptors() == before


def test_the_end_is_heard_after_what_was_said(ends: tuple[socket.socket, Line, Line]) -> None:
    _, mine, other = ends
    other.send({"never": "read"})
    mine.send({"job": 1})
    mine.close()
    assert other.receive() == ({"job": 1}, [])
    assert other.receive() is None
    with pytest.raises(OSError, match="Broken pipe"):
        other.send({"job": 2})
