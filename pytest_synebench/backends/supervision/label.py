"""Makes a forked process say in its environment, as others see it, which attempt it is.

The kernel shows of a process the environment that its program began with, and a forked child
shows its parent's. So whoever looks for the processes of a run would miss those that were forked
from a warm one. A supervisor is started with room for a label in its environment, and the child
writes its own label there, in its own memory.

Invariants (tests/backends/supervision/test_label.py holds each one):
- a label that is worn is found as an environment variable is, by others and by nothing else;
- what does not fit, or a system that does not let it be written, changes nothing.

Source: Linux, proc(5): ``/proc/pid/environ``, ``/proc/pid/mem``, field 50 of ``/proc/pid/stat``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache

_NAME = b"SYNEBENCH_LABEL"
_BYTES = 12 * 1024  #: more than two of the longest paths
_ENV_START = 47  #: field 50, counted from the one after the name


def room() -> dict[str, str]:
    """Return the environment variable that gives a supervisor's children room for a label."""
    return {_NAME.decode(): " " * _BYTES}


def wear(variables: Iterable[str]) -> bool:
    """Show these ``NAME=value``, in place of the room; return whether that was done."""
    label = b"".join(os.fsencode(variable) + b"\0" for variable in variables)
    try:
        at = find()
        if at is None or len(label) > _BYTES:
            return False
        _write(at, label.ljust(len(_NAME) + 1 + _BYTES, b"\0"))
    except (OSError, ValueError):
        return False
    return True


@cache
def find() -> int | None:
    """Return the address of the room, which is that of all copies of this process; None: no room.

    Raises:
        OSError: the system does not show it.
    """
    at = (b"\0" + _whole("/proc/self/environ")).find(b"\0" + _NAME + b"=")
    stat = _whole("/proc/self/stat")
    return None if at < 0 else int(stat[stat.rindex(b")") + 2 :].split()[_ENV_START]) + at


def _whole(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib is slow, and this runs in each child
        return file.read()


def _write(address: int, data: bytes) -> None:
    fd = os.open("/proc/self/mem", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(fd, data, address)
    finally:
        os.close(fd)
