"""A copy of the warm process that is made before there is an order for it, and waits for one.

A fork costs the warm process, and then its copy, as long as all else that comes before the script's
first line. Made ahead, it costs nobody's waiting: the next attempt begins in a process that is
there.

Invariants (tests/backends/supervisor/warm/test_spare.py holds each one):
- a spare runs one order, or none: it ends when its supervisor lets it go, or is no more;
- it holds nothing of the supervisor's but its own line;
- one that has died takes no order with it.
"""

from __future__ import annotations

import os
import socket
import sys

from pytest_synebench.backends.supervision.wire import Line, read_order
from pytest_synebench.backends.supervisor.forking import fork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from pytest_synebench.backends.supervisor.sweeping import Leader


class Spare:
    """The supervisor's end of it."""

    def __init__(self, leader: Leader, line: Line) -> None:
        """Take over the line to a process."""
        self.leader = leader
        self._line = line

    def hand_over(self, order: int, streams: Sequence[int]) -> None:
        """Have it run an order; the descriptors are copied.

        Args:
            order: as ``wire.write_order`` makes it.
            streams: stdout, stderr and channel.

        Raises:
            OSError: it has died; there is no process for the order.
        """
        self._line.send({"do": "run"}, [order, *streams])

    def close(self) -> None:
        """Hang up: it ends, unless it was given an order."""
        self._line.close()


def make(tie: Callable[[], None]) -> tuple[int, Line]:
    """Return the process id of a copy that waits, and the line to it.

    Args:
        tie: called in the copy: ties it, and closes what is the supervisor's.

    Raises:
        OSError: there can be no more processes, or descriptors.
    """
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        try:
            pid = fork()
        except OSError:
            ours.close()
            raise
        if not pid:
            ours.close()
            _wait(Line(its), tie)
    return pid, Line(ours)


def _wait(line: Line, tie: Callable[[], None]) -> NoReturn:
    from pytest_synebench.backends.supervisor.warm.child import become

    try:
        tie()
        heard = line.receive()
        line.close()
        if heard is None:
            os._exit(0)
        _, (order, *streams) = heard
        stdout, stderr, channel = streams
        become(read_order(order), stdout, stderr, channel, ())
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(1)
