"""Framing of what a training script sends to the controller, on a pipe of its own.

A message is one line, ``NONCE SEQUENCE JSON``. The nonce is drawn for each attempt, so whatever
else ends up in the pipe is told from a message. JSON is strict: a float that JSON cannot write
stands as ``{"float": "nan"}``, and only inside a mapping (``metrics``), one level down.
Standard library only, and json is imported on first use: this file travels into every trial,
where importing json costs more than all of ours.

Invariants (tests/test_channel.py holds each one):
- however the bytes are cut, and whatever junk stands between, every message arrives, in order;
- a line without the nonce, with broken JSON, or too long, is counted and never raises;
- no message is taken twice: a sequence number that is not new is counted and dropped;
- the receiver never holds more than one line of ``MAX_LINE_BYTES``;
- threads may send at once; a process forked from the sender's cannot.

Source: the report protocol of the system this one succeeds (tagged lines on stdout, parsed by a
regular expression), whose forged and broken lines could end a run.
"""

from __future__ import annotations

import os
from _thread import RLock  # threading re-exports it, and imports collections on the way

from pytest_synebench.errors import ReportError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

VERSION = 1  #: of the protocol, in the hello
MAX_LINE_BYTES = 64 * 1024  #: of one message, newline included
_NON_FINITE = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}
_MAX_SEQUENCE_DIGITS = 18


def new_nonce() -> str:
    """Return what tells one attempt's messages from everything else: 32 hexadecimal digits."""
    return os.urandom(16).hex()


class Message:
    """One message as it arrived."""

    __slots__ = ("fields", "kind", "sequence")

    def __init__(self, kind: str, sequence: int, fields: Mapping[str, Any]) -> None:
        self.kind = kind  #: "hello", "report" or "saved"; others are for later versions
        self.sequence = sequence  #: counts every message of the attempt, from 0
        self.fields = fields

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message):
            return NotImplemented
        mine = (self.kind, self.sequence, self.fields)
        return mine == (other.kind, other.sequence, other.fields)

    __hash__ = None  # type: ignore[assignment]  # it holds a dict

    def __repr__(self) -> str:
        return f"Message({self.kind!r}, {self.sequence}, {self.fields!r})"


def encode_scalar(value: object) -> object:
    """Return a scalar as strict JSON can write it.

    >>> encode_scalar(float("-inf")), encode_scalar(0.5)
    ({'float': '-inf'}, 0.5)
    """
    if isinstance(value, float) and (value != value or value in (_NON_FINITE["inf"], -1e999)):
        return {"float": repr(value)}
    return value


def decode_scalar(value: object) -> object:
    """Return what ``encode_scalar`` was given.

    Raises:
        ValueError: it is no scalar.
    """
    if isinstance(value, dict):
        name = value.get("float")
        if len(value) != 1 or not isinstance(name, str) or name not in _NON_FINITE:
            raise ValueError("not a scalar")
        return _NON_FINITE[name]
    if isinstance(value, list) or (isinstance(value, float) and value - value != 0):
        raise ValueError("not a scalar of strict JSON")
    return value


def encode_field(value: object) -> object:
    """Return a field of a message as strict JSON can write it: a scalar, or a mapping of them."""
    if isinstance(value, dict):
        return {key: encode_scalar(item) for key, item in value.items()}
    return value


def decode_field(value: object) -> object:
    """Return what ``encode_field`` was given.

    Raises:
        ValueError: it is neither a scalar nor a mapping of them.
    """
    if isinstance(value, dict):
        return {key: decode_scalar(item) for key, item in value.items()}
    return decode_scalar(value)


class Sender:
    """The training script's end of the pipe."""

    def __init__(self, fd: int, nonce: str) -> None:
        """Take the pipe's descriptor, which stays the caller's, and the attempt's nonce."""
        self._fd = fd
        self._nonce = nonce
        self._sequence = 0
        self._queue: list[str] = []
        self._writing = False
        self._owner = os.getpid()
        # Re-entrant: a signal handler may report while its own thread is reporting.
        self._lock = RLock()

    def send(self, kind: str, **fields: Any) -> None:
        """Send one message; returns when the pipe has taken it.

        Args:
            kind: "hello", "report", "saved".
            fields: scalars, or mappings from names to scalars; non-finite floats only in these.

        Raises:
            ReportError: too long, sent from a forked process, or nobody reads any more.
        """
        import json

        if os.getpid() != self._owner:
            raise ReportError(
                f"process {os.getpid()} was forked from the trial's process {self._owner} and "
                "cannot report for it; report from the process that the trial started as"
            )
        body = {"kind": kind, **{key: encode_field(value) for key, value in fields.items()}}
        text = json.dumps(body, allow_nan=False, separators=(",", ":"))
        with self._lock:
            size = len(f"{self._nonce} {self._sequence + len(self._queue)} {text}\n")
            if size > MAX_LINE_BYTES:
                raise ReportError(
                    f"a {kind} of {size} bytes is longer than the {MAX_LINE_BYTES} a message "
                    "may have; report fewer or shorter values, and write the rest to a file"
                )
            # A signal handler may report while this thread is writing: its message goes next.
            self._queue.append(text)
            while self._queue and not self._writing:
                self._write_queue()

    def _write_queue(self) -> None:
        self._writing = True
        try:
            while self._queue:
                text = self._queue.pop(0)
                sequence, self._sequence = self._sequence, self._sequence + 1
                self._write(f"{self._nonce} {sequence} {text}\n".encode("ascii"))
        finally:
            self._writing = False

    def _write(self, line: bytes) -> None:
        view = memoryview(line)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            raise ReportError(
                f"nothing can be reported: {error.strerror} (descriptor {self._fd}); the "
                "controller has ended, or the script has closed a descriptor it did not open"
            ) from error


class Receiver:
    """The controller's end: bytes in, messages out."""

    def __init__(self, nonce: str) -> None:
        self._prefix = nonce.encode("ascii") + b" "
        self._partial = bytearray()
        self._skipping = False
        self._next = 0
        self.rejected = 0  #: lines that were no message, and gaps before one

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that ``data`` completes; an unfinished line is kept."""
        out = []
        *ends, rest = data.split(b"\n")
        for end in ends:
            message = self._line(end)
            if message is not None:
                out.append(message)
        self._keep(rest)
        return out

    def _keep(self, part: bytes) -> None:
        if self._skipping:
            return
        if len(self._partial) + len(part) >= MAX_LINE_BYTES:  # the newline is part of a line
            self._partial.clear()
            self._skipping = True
            self.rejected += 1
        else:
            self._partial += part

    def _line(self, end: bytes) -> Message | None:
        self._keep(end)
        line = bytes(self._partial)
        self._partial.clear()
        if self._skipping:
            self._skipping = False
            return None
        try:
            return self._message(line) if line else None
        except (ValueError, RecursionError):
            self.rejected += 1
            return None

    def _message(self, line: bytes) -> Message:
        import json

        # Junk that lacks a newline stands before the nonce on the same line.
        start = line.index(self._prefix) + len(self._prefix)
        digits, _, text = line[start:].partition(b" ")
        if not digits.isdigit() or len(digits) > _MAX_SEQUENCE_DIGITS:
            raise ValueError("no sequence number")
        sequence = int(digits)
        body = json.loads(text)
        kind = body.pop("kind", None) if isinstance(body, dict) else None
        if not isinstance(kind, str) or sequence < self._next:
            raise ValueError("no message, or one that is not new")
        fields = {key: decode_field(value) for key, value in body.items()}
        self.rejected += sequence > self._next
        self._next = sequence + 1
        return Message(kind, sequence, fields)
