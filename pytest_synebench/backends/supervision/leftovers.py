"""Processes: how one is made, how its end is noticed, and how a whole tree of them is ended.

``Launcher`` is the one place where an attempt becomes a process, so that another kind (forked
from a warm one, kept by a supervisor) is another ``Launcher`` and nothing else. An end is noticed
through a descriptor that becomes readable, so nobody waits or asks.

Invariants (tests/backends/test_processes.py holds each one):
- no shell sees a value: what is in the argument list reaches the process byte for byte;
- a tree is the leader, its session and group, their descendants, and every process whose
  environment carries the tag, whoever its parent has become;
- a process is signalled only through a descriptor that was opened before it was looked at, so a
  number that was used again never hits a stranger; this process and its ancestors are spared;
- an exit status that somebody else took is "unknown", never success.

Source: Linux, pidfd_open(2), proc(5).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from pytest_synebench.errors import BackendError

BOOTSTRAP = "pytest_synebench.training.bootstrap"
_ROUNDS = 100  #: of looking for leftovers of an earlier controller; each one ends all it finds


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a process is made from."""

    script: Path
    arguments: tuple[str, ...]  #: of the script, each one as it is
    environment: Mapping[str, str]  #: the whole of it
    stdout: int  #: descriptors that the process gets copies of
    stderr: int
    channel: int  #: stands under the same number in the process


class Process(Protocol):
    """A leader: the first process of a tree, in a session and group of its own."""

    @property
    def pid(self) -> int:
        """Its number, which nobody else has before ``reap``."""
        ...

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when the process has ended."""
        ...

    def reap(self) -> int | None:
        """Return the exit code, or minus a signal's number, or None: unknown; let it go.

        Waits for the end, should it not have come.
        """
        ...


class Launcher(Protocol):
    """Makes processes of one kind."""

    def launch(self, order: Order) -> Process:
        """Return a process that runs the script; it has its own copies of the descriptors.

        Raises:
            OSError: there is none; ``filename`` is what was looked for.
        """
        ...


class OrdinaryLauncher:
    """Makes ordinary processes: an interpreter that starts from nothing."""

    def __init__(self, interpreter: str | None = None) -> None:
        """Take the interpreter's path or command; None: the one that runs this."""
        self._interpreter = interpreter or sys.executable

    def launch(self, order: Order) -> Process:
        """Return a process that runs the script."""
        child = subprocess.Popen(  # a list of arguments, never a shell
            [self._interpreter, "-m", BOOTSTRAP, str(order.script), *order.arguments],
            stdin=subprocess.DEVNULL,
            stdout=order.stdout,
            stderr=order.stderr,
            pass_fds=(order.channel,),
            env=order.environment,
            start_new_session=True,
        )
        try:
            return OrdinaryProcess(child)
        except BaseException:
            child.kill()
            child.wait()
            raise


class OrdinaryProcess:
    """A child of this process."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        """Take the child over; nobody else may wait for it."""
        self._child = child
        self._fd = os.pidfd_open(child.pid)

    @property
    def pid(self) -> int:
        """Its number: not used again before ``reap``, since the kernel keeps the ended child."""
        return self._child.pid

    def fileno(self) -> int:
        """Return the descriptor of the process."""
        return self._fd

    def reap(self) -> int | None:
        """Return the exit code, or minus a signal's number, or None: unknown."""
        code = None
        with contextlib.suppress(ChildProcessError):
            status = os.waitid(os.P_PIDFD, self._fd, os.WEXITED)
            if status is not None:
                exited = status.si_code == os.CLD_EXITED
                code = status.si_status if exited else -status.si_status
        self._child.returncode = 0 if code is None else code  # or Popen would wait again
        os.close(self._fd)
        return code


class Seen(NamedTuple):
    """A process as the kernel shows it."""

    pid: int
    parent: int
    group: int
    session: int
    started: int  #: clock ticks since boot: with the pid, it names a process for ever


def look(pid: int) -> Seen | None:
    """Return what the kernel says about a process; None: it has ended (a zombie has)."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return None
    try:
        text = os.read(fd, 4096)  # a line; pathlib takes three times as long, for every process
    except ProcessLookupError:
        return None
    finally:
        os.close(fd)
    fields = text[text.rindex(b")") + 2 :].split(maxsplit=20)
    if fields[0] in b"ZX":
        return None
    return Seen(pid, int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]))


def everything() -> list[Seen]:
    """Return every process there is, this one and its ancestors left out."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208 - names
    known = {seen.pid: seen for pid in pids if (seen := look(pid))}
    pid = os.getpid()
    while (seen := known.pop(pid, None)) is not None:
        pid = seen.parent
    return list(known.values())


def carries(pid: int, tag: str) -> bool:
    """Whether a process was given this ``NAME=value`` in its environment."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return b"\0" + os.fsencode(tag) + b"\0" in b"\0" + environment


def tree(leader: int | None, tag: str, since: int = 0) -> list[Seen]:
    """Return what lives of a tree (see the module's text).

    Args:
        leader: its number; None: go by the tag alone.
        tag: ``NAME=value`` in the environment.
        since: when the leader started, as ``Seen.started``: no other of its tree can be older.
    """
    here = [seen for seen in everything() if seen.started >= since]
    found = {
        seen.pid
        for seen in here
        if leader in (seen.pid, seen.session, seen.group) or carries(seen.pid, tag)
    }
    while children := {s.pid for s in here if s.parent in found and s.pid not in found}:
        found |= children
    return [seen for seen in here if seen.pid in found]


def kill(seen: Seen) -> int | None:
    """End a process by force; return a descriptor, readable once it is gone. None: it is gone.

    Raises:
        PermissionError: it belongs to somebody else.
    """
    try:
        fd = os.pidfd_open(seen.pid)
    except ProcessLookupError:
        return None
    try:
        now = look(seen.pid)
        if now is not None and now.started == seen.started:
            signal.pidfd_send_signal(fd, signal.SIGKILL)
            return fd
    except ProcessLookupError:
        pass
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
    return None


def kill_all(several: Iterable[Seen]) -> list[int]:
    """End processes by force; return a descriptor for each, readable once it is gone."""
    fds = []
    for seen in several:
        # A process of another user (setuid) cannot be ended from here, so nobody waits for it.
        with contextlib.suppress(PermissionError):
            fd = kill(seen)
            if fd is not None:
                fds.append(fd)
    return fds


def signal_group(leader: int, number: signal.Signals) -> None:
    """Send a signal to a leader's group; only before it is reaped, while its number is its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def abandon(process: Process) -> None:
    """End a process that was made for nothing, with its group, and wait until it is gone."""
    signal_group(process.pid, signal.SIGKILL)
    process.reap()


def end_leftovers(tag: str, patience_s: float) -> int:
    """End every process that carries the tag, and its descendants; return how many there were.

    Args:
        tag: ``NAME=value`` in the environment.
        patience_s: how long to wait for each of them to be gone, in seconds.

    Raises:
        BackendError: one is still there; the text names its number.
    """
    ended = 0
    for _ in range(_ROUNDS):
        left = tree(None, tag)
        fds = kill_all(left)
        if not fds:
            break
        ended += len(fds)
        if not wait_all(fds, patience_s):
            raise BackendError(
                f"processes of an earlier controller of this run do not end: "
                f"{', '.join(str(seen.pid) for seen in left)}, sent SIGKILL and still there after "
                f"{patience_s:g} s; find out what holds them (a dead file system?), then resume"
            )
    return ended


def wait_all(fds: Iterable[int], patience_s: float) -> bool:
    """Wait until every process is gone, each for at most ``patience_s``; close the descriptors."""
    gone = True
    for fd in fds:
        waiter = select.poll()
        waiter.register(fd, select.POLLIN)
        gone = bool(waiter.poll(patience_s * 1000)) and gone
        os.close(fd)
    return gone
