"""The report channel, from bytes to messages."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import math
import multiprocessing
import os
import threading
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_synebench.channel import (
    MAX_LINE_BYTES,
    Message,
    Receiver,
    Sender,
    decode_scalar,
    encode_scalar,
    new_nonce,
)
from pytest_synebench.errors import ReportError

NONCE = "00112233445566778899aabbccddeeff"

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
)
METRICS = st.dictionaries(st.text(max_size=10), SCALARS, max_size=4)
JUNK = st.binary(max_size=40).filter(lambda junk: NONCE.encode() not in junk)


@contextlib.contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    try:
        yield read, write
    finally:
        os.close(read)
        os.close(write)


def sent(sends: list[dict[str, object]]) -> list[bytes]:
    """Return the line of each report."""
    lines = []
    with pipe() as (read, write):
        sender = Sender(write, NONCE)
        for metrics in sends:
            sender.send("report", metrics=metrics)
            lines.append(os.read(read, MAX_LINE_BYTES))
    return lines


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted({c % (len(data) + 1) for c in cuts}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(
    sends=st.lists(METRICS, max_size=5),
    junk=st.lists(JUNK, min_size=6, max_size=6),
    cuts=st.lists(st.integers(0, 10_000), max_size=12),
)
def test_every_message_arrives_however_the_bytes_are_cut(
    sends: list[dict[str, object]], junk: list[bytes], cuts: list[int]
) -> None:
    lines = sent(sends)
    data = b"".join(noise + line for noise, line in zip(junk, lines, strict=False)) + junk[-1]

    receiver = Receiver(NONCE)
    got = [message for part in cut(data, cuts) for message in receiver.feed(part)]

    assert got == [Message("report", i, {"metrics": m}) for i, m in enumerate(sends)]


@given(st.binary(max_size=200), st.integers(0, 5))
@example(b'{"kind": "report"}', 0)
@example(b"[" * 2000, 0)
@example(b'{"kind": "report", "metrics": {"x": NaN}}', 0)
@example(b'{"kind": "report", "metrics": {"x": 1e999}}', 0)
@example(b'{"kind": "report", "metrics": {"x": [1]}}', 0)
@example(b'{"kind": "report", "metrics": {"x": {"float": []}}}', 0)
@example(b'{"kind": 1}', 0)
@example(b'{"kind": "report", "x": ' + b"9" * 5000 + b"}", 0)
def test_nothing_that_follows_the_nonce_can_raise(text: bytes, sequence: int) -> None:
    receiver = Receiver(NONCE)
    messages = receiver.feed(f"{NONCE} {sequence} ".encode() + text + b"\n")
    assert len(messages) + receiver.rejected >= 1


@pytest.mark.parametrize(
    "line",
    [
        b'ffff 0 {"kind":"report","metrics":{"loss":-1e9}}',
        b'[tune-metric]: {"loss": 0.0}',
        NONCE.encode() + b' x {"kind":"report"}',
        NONCE.encode() + b' -1 {"kind":"report"}',
        NONCE.encode() + b' 9999999999999999999 {"kind":"report"}',
        NONCE.encode() + b" 0 not json",
        NONCE.encode() + b' 0 ["report"]',
        NONCE.encode() + b' 0 {"metrics":{}}',
        NONCE.encode() + b' 0 {"kind":"report","metrics":{"loss":NaN}}',
        NONCE.encode() + b' 0 {"kind":"report","metrics":{"loss":1e999}}',
        NONCE.encode() + b' 0 {"kind":"report","metrics":{"loss":[1]}}',
    ],
)
def test_a_line_that_is_no_message_is_counted_and_the_next_one_arrives(line: bytes) -> None:
    receiver = Receiver(NONCE)
    assert receiver.feed(line + b"\n" + sent([{"loss": 0.5}])[0]) == [
        Message("report", 0, {"metrics": {"loss": 0.5}})
    ]
    assert receiver.rejected == 1


def test_a_forged_nonce_of_the_same_length_is_not_taken() -> None:
    receiver = Receiver(new_nonce())
    assert receiver.feed(sent([{"loss": -1e9}])[0]) == []
    assert receiver.rejected == 1


def test_two_nonces_differ_and_are_hexadecimal() -> None:
    assert new_nonce() != new_nonce()
    assert len(bytes.fromhex(new_nonce())) == 16


def test_a_repeated_message_is_dropped_and_a_gap_is_counted() -> None:
    first, second, third = sent([{"e": 1}, {"e": 2}, {"e": 3}])
    receiver = Receiver(NONCE)
    assert [m.sequence for m in receiver.feed(first + first + third + second)] == [0, 2]
    assert receiver.rejected == 3  # the repeat, the gap before 2, the late 1


def test_an_endless_line_is_dropped_whole_and_held_nowhere() -> None:
    receiver = Receiver(NONCE)
    for _ in range(40):
        assert receiver.feed(b"x" * 10_000) == []
        assert len(receiver._partial) < MAX_LINE_BYTES
    assert len(receiver.feed(b"\n" + sent([{"e": 1}])[0])) == 1
    assert receiver.rejected == 1


@given(st.floats())
def test_a_float_survives_strict_json_bit_for_bit(value: float) -> None:
    assert math.isfinite(value) or isinstance(encode_scalar(value), dict)
    back = decode_scalar(encode_scalar(value))
    assert isinstance(back, float)
    assert math.copysign(1, back) == math.copysign(1, value) or math.isnan(value)
    assert back == value or (math.isnan(back) and math.isnan(value))


def test_a_metric_called_float_is_not_mistaken_for_an_encoded_one() -> None:
    with pipe() as (read, write):
        Sender(write, NONCE).send("report", metrics={"float": "nan", "x": float("nan")})
        (message,) = Receiver(NONCE).feed(os.read(read, 9999))
    assert message.fields["metrics"]["float"] == "nan"
    assert math.isnan(message.fields["metrics"]["x"])


def test_a_signal_handler_that_reports_while_a_report_is_written_goes_next() -> None:
    with pipe() as (read, write):
        sender, receiver = Sender(write, NONCE), Receiver(NONCE)
        really = sender._write
        handled: list[bool] = []

        def interrupted(line: bytes) -> None:
            really(line)
            if not handled:  # as a handler would run: between the write and what follows it
                handled.append(True)
                sender.send("report", metrics={"from": "handler"})

        sender._write = interrupted  # type: ignore[method-assign] # the moment is the test
        sender.send("report", metrics={"from": "script"})
        sender.send("report", metrics={"from": "script again"})
        got = receiver.feed(os.read(read, MAX_LINE_BYTES))
    assert [m.fields["metrics"]["from"] for m in got] == ["script", "handler", "script again"]
    assert receiver.rejected == 0


def test_the_longest_message_passes_and_one_byte_more_is_refused_by_the_sender() -> None:
    with pipe() as (read, write):
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4 * MAX_LINE_BYTES)
        sender, receiver = Sender(write, NONCE), Receiver(NONCE)
        longest = "x" * (MAX_LINE_BYTES - len(sent([{"text": ""}])[0]))
        sender.send("report", metrics={"text": longest})
        with pytest.raises(ReportError, match=r"report of 65537 bytes .* report fewer or shorter"):
            sender.send("report", metrics={"text": longest + "x"})
        sender.send("report", metrics={})
        got = receiver.feed(os.read(read, 4 * MAX_LINE_BYTES))
    assert [m.sequence for m in got] == [0, 1], "a refused one takes no number"
    assert got[0].fields["metrics"]["text"] == longest


def _send_many(sender: Sender, thread: int) -> None:
    for _ in range(20):
        sender.send("report", metrics={"thread": thread, "text": "x" * 8000})


def test_threads_send_without_tearing_each_others_lines() -> None:
    with pipe() as (read, write):
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 1 << 20)  # holds all of them: nobody waits
        sender, receiver = Sender(write, NONCE), Receiver(NONCE)
        threads = [threading.Thread(target=_send_many, args=(sender, n)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        got = receiver.feed(os.read(read, 1 << 20))
    assert [m.sequence for m in got] == list(range(80))
    assert receiver.rejected == 0


def _try_to_send(sender: Sender, say: int) -> None:
    try:
        sender.send("report", metrics={})
    except ReportError as error:
        os.write(say, str(error).encode())
    else:
        os.write(say, b"it was sent")


def test_a_forked_process_cannot_send_for_its_parent() -> None:
    with pipe() as (read, write), pipe() as (answer, say):
        sender = Sender(write, NONCE)
        child = multiprocessing.get_context("fork").Process(target=_try_to_send, args=(sender, say))
        child.start()
        child.join()
        assert b"was forked from the trial's process" in os.read(answer, 999)
        sender.send("report", metrics={})
        assert Receiver(NONCE).feed(os.read(read, 999))[0].sequence == 0


def test_a_write_that_takes_a_part_only_is_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    with pipe() as (end, start):
        monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
        Sender(start, NONCE).send("report", metrics={"loss": 0.5})
        assert len(Receiver(NONCE).feed(os.read(end, 999))) == 1


def test_a_closed_descriptor_is_an_error_that_says_so() -> None:
    with pipe() as (_, write):
        closed = os.dup(write)
        os.close(closed)
        with pytest.raises(ReportError, match=r"Bad file descriptor .* the controller has ended"):
            Sender(closed, NONCE).send("report", metrics={})


def test_a_message_shows_itself_and_is_equal_to_its_equal_only() -> None:
    message = Message("saved", 3, {"level": 1})
    assert repr(message) == "Message('saved', 3, {'level': 1})"
    assert message == Message("saved", 3, {"level": 1})
    assert message != Message("saved", 4, {"level": 1})
    assert message != "saved"
