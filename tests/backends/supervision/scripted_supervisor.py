"""A keeper whose supervisor is played by the test: what was sent, and answers at will."""

from __future__ import annotations

import os
import select
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from pytest_synebench.backends.supervision.keeper import Keeper
from pytest_synebench.backends.supervision.wire import Line, Order, read_order


class Ear:
    """A listener that keeps all it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def begun(self, pid: int) -> None:
        self.heard.append(("begun", pid))

    def declined(self, why: str) -> None:
        self.heard.append(("declined", why))

    def failed(self, error: OSError) -> None:
        self.heard.append(("failed", error.errno, error.filename))

    def ended(self, code: int, swept: int) -> None:
        self.heard.append(("ended", code, swept))

    def lost(self, text: str) -> None:
        self.heard.append(("lost", text))


class Played:
    """The supervisor's end, and the process that stands for it."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes]
        self.socket: socket.socket
        self.line: Line

    def spawn(self, keeper: Keeper, line: int, words: int) -> subprocess.Popen[bytes]:
        self.socket = socket.socket(fileno=os.dup(line))
        self.socket.setblocking(False)
        self.line = Line(self.socket)
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", "read line; echo $line >&2; exit 3"],
            stdin=subprocess.PIPE,
            stderr=words,
        )
        return self.process

    def say(self, **message: Any) -> None:
        self.line.send(message)

    def hears(self) -> tuple[dict[str, Any], list[int]] | None:
        """Return the next message, None: nothing came."""
        try:
            return self.line.receive()
        except BlockingIOError:
            return None

    def hears_order(self) -> tuple[int, Order]:
        """Return the next message, which is a launch."""
        told = self.hears()
        assert told is not None
        message, (order, *streams) = told
        assert message["do"] == "launch"
        for fd in streams:
            os.close(fd)
        return message["job"], read_order(order)

    def hung_up(self) -> bool:
        """Whether the controller's end is closed."""
        waiter = select.poll()
        waiter.register(self.socket, select.POLLIN)
        assert waiter.poll(60_000)
        return self.line.receive() is None

    def die(self, words: bytes = b"") -> None:
        """End the process with these last words and code 3, and with it its end of the line."""
        assert self.process.stdin is not None
        self.process.stdin.write(words + b"\n")
        self.process.stdin.close()
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        self.line.close()

    def kill(self) -> None:
        """Be killed."""
        self.process.kill()
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        self.line.close()


@contextmanager
def played(
    monkeypatch: pytest.MonkeyPatch, modules: tuple[str, ...] = ()
) -> Iterator[tuple[Keeper, Played]]:
    """Have a keeper and its played supervisor; afterwards no descriptor is left."""
    before = descriptors()
    other_end = Played()
    with monkeypatch.context() as patch:
        patch.setattr(
            Keeper, "_spawn", lambda keeper, line, words: other_end.spawn(keeper, line, words)
        )
        keeper = Keeper(modules)
    try:
        yield keeper, other_end
    finally:
        other_end.line.close()
        keeper.close(0.0)
        if other_end.process.stdin is not None:
            with suppress(BrokenPipeError):
                other_end.process.stdin.close()
    assert descriptors() == before


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names, not paths


def order(interpreter: str | None = "python", **environment: str) -> Order:
    return Order(
        script="/train.py",
        arguments=("--lr", "1"),
        environment=environment,
        directory="/",
        interpreter=interpreter,
    )


def launch(keeper: Keeper, order: Order) -> tuple[int, Ear]:
    """Have something launched whose output nobody reads."""
    ear, null = Ear(), os.open("/dev/null", os.O_RDWR)
    try:
        return keeper.launch(order, null, null, null, ear), ear
    finally:
        os.close(null)
