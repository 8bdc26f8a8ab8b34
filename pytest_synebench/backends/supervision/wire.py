"""What controller and supervisor say to each other.

One socket that keeps packets apart; one JSON object a packet; descriptors ride along. What may be
larger than a packet, an order, travels as a memory file.

From the controller::

    {"do": "launch", "job": 7}       with descriptors: order, stdout, stderr, channel
    {"do": "signal", "job": 7, "number": 15}       9: leader and all below it; else its group

From the supervisor::

    {"is": "warm"}  |  {"is": "cold", "why": "…"}   once, after it has imported what it was told to
    {"is": "begun", "job": 7, "pid": 123}           the process runs
    {"is": "declined", "job": 7, "why": "…"}        no process can be forked from this one
    {"is": "failed", "job": 7, "errno": 2, "file": "…"}    no process can be made, or not this one
    {"is": "ended", "job": 7, "code": 0, "swept": 2}   code: exit code, or minus a signal's number

A job has one answer of begun, declined and failed; an ended follows a begun alone, and comes once
nothing lives of its process tree: ``swept`` counts what it left behind. When the controller's end
of the socket closes, however that came, the supervisor ends every process and then itself.

Invariants (tests/backends/supervision/test_wire.py):
- what is sent arrives equal, an order of any size included, descriptors in their order;
- descriptors are not handed on to other programs, and none is left open by a message refused.
"""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass, fields

TYPE_CHECKING = False  # the supervisor starts with this file, and what it imports takes time
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

CHANNEL = 3  #: number of the report channel's descriptor in every attempt
_PACKET_BYTES = 64 * 1024
_ROOM_BYTES = socket.CMSG_SPACE(8 * 4)  #: for eight descriptors


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a process is made from, its descriptors apart."""

    script: str  #: absolute path
    arguments: tuple[str, ...]  #: of the script, each one as it is
    environment: Mapping[str, str]  #: the whole of it, but for SYNEBENCH_PARENT
    directory: str  #: in which it runs
    interpreter: str | None  #: path or command that runs the script; None: forked from a warm one


class Line:
    """One end of the socket."""

    def __init__(self, end: socket.socket) -> None:
        """Take over a connected socket of type SOCK_SEQPACKET."""
        self._socket = end

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when something came, or the end."""
        return self._socket.fileno()

    def send(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Send a message; the descriptors are copied.

        Raises:
            OSError: the other end is gone.
        """
        data = json.dumps(message).encode()
        socket.send_fds(self._socket, [data], list(descriptors), socket.MSG_NOSIGNAL)

    def receive(self) -> tuple[dict[str, Any], list[int]] | None:
        """Return the next message and its descriptors, which are the caller's; None: the end.

        Raises:
            BlockingIOError: nothing has come yet, and the socket does not wait.
            ValueError: what came is no message; its descriptors are closed.
        """
        try:
            # Not socket.recv_fds: up to Python 3.13 at least that drops the flags.
            data, ancillary, _, _ = self._socket.recvmsg(
                _PACKET_BYTES, _ROOM_BYTES, socket.MSG_CMSG_CLOEXEC
            )
        except ConnectionResetError:
            # The other end died with something unread. What it had said is still to come.
            return self.receive()
        descriptors = [fd for _, _, packed in ancillary for fd in memoryview(packed).cast("i")]
        if not data:
            return None
        try:
            return json.loads(data), descriptors
        except ValueError:
            for fd in descriptors:
                os.close(fd)
            raise

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def write_order(order: Order) -> int:
    """Return the descriptor of a memory file that holds the order; it is the caller's to close."""
    told = {field.name: getattr(order, field.name) for field in fields(order)}
    fd = os.memfd_create("order", os.MFD_CLOEXEC)
    with os.fdopen(fd, "wb", closefd=False) as file:
        file.write(json.dumps(told).encode())
    return fd


def read_order(fd: int) -> Order:
    """Return the order that a memory file holds, and close it."""
    with os.fdopen(fd, "rb") as file:
        file.seek(0)
        told = json.load(file)
    return Order(**{**told, "arguments": tuple(told["arguments"])})
