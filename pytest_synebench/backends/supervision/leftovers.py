"""Finding processes by what the kernel shows of them, and ending what nobody looks after any more.

A supervisor ends all that is below it, so there is something to find only after a supervisor was
killed, or while one whose controller was killed is still at it.

Invariants (tests/backends/supervision/test_leftovers.py holds each one):
- a tree is the processes whose environment carries the tag, whoever their parent has become, and
  the descendants of those that live;
- a process is signalled only through a descriptor that was opened before it was looked at, so a
  number that was used again never hits a stranger; this process and its ancestors are spared;
- a supervisor is waited for only where its controller has ended, and only in this namespace of
  process numbers, since elsewhere that number is another's.

Source: Linux, pidfd_open(2), proc(5), pid_namespaces(7).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pytest_synebench.errors import BackendError

SUPERVISOR = "SYNEBENCH_SUPERVISOR"  #: of a supervisor: its controller, as ``identity`` gives it
_KILLED_S = 10.0  #: how long a process sent SIGKILL may take to be gone
_ROUNDS = 100  #: of looking for leftovers; each one ends all it finds


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
    except (FileNotFoundError, PermissionError, ProcessLookupError):
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


def identity(pid: int) -> str:
    """Return what names a living process until the machine starts anew: ``pid-started``."""
    seen = look(pid)
    return f"{pid}-{seen.started if seen else 0}"


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
    return b"\0" + os.fsencode(tag) + b"\0" in _environment(pid)


def _environment(pid: int) -> bytes:
    try:
        return b"\0" + Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def tree(tag: str) -> list[Seen]:
    """Return what lives of a tree (see the module's text).

    Args:
        tag: ``NAME=value`` in the environment.
    """
    here = everything()
    found = {seen.pid for seen in here if carries(seen.pid, tag)}
    while children := {s.pid for s in here if s.parent in found and s.pid not in found}:
        found |= children
    return [seen for seen in here if seen.pid in found]


def hold(seen: Seen) -> int | None:
    """Return a descriptor of a process, readable once it is gone. None: it is gone."""
    try:
        fd = os.pidfd_open(seen.pid)
    except ProcessLookupError:
        return None
    now = look(seen.pid)
    if now is not None and now.started == seen.started:
        return fd
    os.close(fd)
    return None


def kill(seen: Seen) -> int | None:
    """End a process by force; return a descriptor, readable once it is gone. None: it is gone.

    Raises:
        PermissionError: it belongs to somebody else.
    """
    fd = hold(seen)
    if fd is None:
        return None
    try:
        signal.pidfd_send_signal(fd, signal.SIGKILL)
    except ProcessLookupError:
        os.close(fd)
        return None
    except BaseException:
        os.close(fd)
        raise
    return fd


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
        left = tree(tag)
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


def await_supervisors(patience_s: float) -> None:
    """Wait until the supervisors of controllers that have ended are gone, with all below them.

    Each ends its attempts by itself once its controller is gone; one that takes longer than
    ``patience_s`` is ended by force, with what carries its tag.

    Raises:
        BackendError: one is still there; the text names its number.
    """
    for tag, several in _abandoned().items():
        if not wait_all([fd for seen in several if (fd := hold(seen)) is not None], patience_s):
            end_leftovers(tag, _KILLED_S)


def _abandoned() -> dict[str, list[Seen]]:
    """Return, by their tag, the processes of supervisors whose controller has ended."""
    out: dict[str, list[Seen]] = {}
    start = b"\0" + SUPERVISOR.encode() + b"="
    for seen in everything():
        _, found, rest = _environment(seen.pid).partition(start)
        controller = rest.partition(b"\0")[0].decode(errors="replace")
        if found and _has_ended(controller) and _numbered_as_here(seen.pid):
            out.setdefault(f"{SUPERVISOR}={controller}", []).append(seen)
    return out


def _has_ended(controller: str) -> bool:
    pid, _, started = controller.partition("-")
    if not (pid.isdecimal() and started.isdecimal()):
        return False
    seen = look(int(pid))
    return seen is None or seen.started != int(started)


def _numbered_as_here(pid: int) -> bool:
    try:
        return os.path.samefile(f"/proc/{pid}/ns/pid", "/proc/self/ns/pid")  # noqa: PTH121
    except OSError:
        return False


def wait_all(fds: Iterable[int], patience_s: float) -> bool:
    """Wait until every process is gone, each for at most ``patience_s``; close the descriptors."""
    gone = True
    for fd in fds:
        waiter = select.poll()
        waiter.register(fd, select.POLLIN)
        gone = bool(waiter.poll(patience_s * 1000)) and gone
        os.close(fd)
    return gone
