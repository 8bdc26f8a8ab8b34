"""What runs between the emulator and the first process of a container. Standard library only.

``python -I -S inside.py DESCRIPTION`` makes namespaces of users, mounts and processes, lays the
job's folders at ``/opt/ml``, and becomes the job's own program: process 1 of the container, as in
a real one. This process stays outside, passes signals on, and ends as the job does. SIGUSR1 kills
the container.

Invariants (tests/emulator/machine/test_containers.py holds each one):
- when this process is gone, whatever happened to it, so is every process of the container;
- when the emulator is gone, so is this process;
- the status pipe ends when the job's own program runs, or says why it does not.

Source: Linux, user_namespaces(7), pid_namespaces(7), prctl(2) PR_SET_PDEATHSIG.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

_CLONE_NEWNS, _CLONE_NEWPID = 0x20000, 0x20000000
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
_PR_SET_PDEATHSIG = 1
NOT_STARTED = 127  #: exit code, as a shell's, when the program cannot be started

_libc = ctypes.CDLL(None, use_errno=True)


def main(description: str) -> int:
    """Run one container; return its exit code."""
    told = json.loads(Path(description).read_text())
    status, emulator = int(told["status"]), int(told["emulator"])
    try:
        _enter_namespaces(network=bool(told["network"]))
    except OSError as error:
        os.write(status, f"no namespace can be made: {error}".encode())
        return NOT_STARTED
    # After unshare, which may clear it; and the emulator may have died before.
    _die_with_parent()
    if os.getppid() != emulator:
        return NOT_STARTED
    lifeline, held = os.pipe()
    first = os.fork()
    if first == 0:
        os.close(held)
        _become(told, status, lifeline)
    os.close(lifeline)
    _pass_signals_on(first)
    os.close(status)  # only now: whoever sees the pipe's end may send a signal
    _, ended = os.waitpid(first, 0)  # not reaped before: its number is nobody else's
    code = os.waitstatus_to_exitcode(ended)
    return code if code >= 0 else 128 - code


def _pass_signals_on(first: int) -> None:
    """Have process 1 of the container get the signals that this one is sent."""

    def passed_on(number: int, _frame: FrameType | None) -> None:
        os.kill(first, signal.SIGKILL if number == signal.SIGUSR1 else number)

    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, passed_on)


def _become(told: dict[str, Any], status: int, lifeline: int) -> None:
    """Be process 1: mount, then become the job's program. Never returns."""
    try:
        _die_with_parent()
        # The parent may have died before it was told to take this process along.
        os.set_blocking(lifeline, False)
        try:
            if os.read(lifeline, 1) == b"":
                os._exit(NOT_STARTED)
        except BlockingIOError:
            pass
        _lay_out(Path(told["root"]))
        os.chdir("/opt/ml")
        os.set_inheritable(status, False)  # noqa: FBT003 - its signature
        os.execvpe(told["argv"][0], told["argv"], told["environment"])
    except OSError as error:
        os.write(
            status, f"{error.strerror}: {os.fsdecode(error.filename or told['argv'][0])}".encode()
        )
    finally:
        os._exit(NOT_STARTED)


def _enter_namespaces(*, network: bool) -> None:
    user, group = os.geteuid(), os.getegid()
    flags = _CLONE_NEWUSER | _CLONE_NEWNS | _CLONE_NEWPID | (0 if network else _CLONE_NEWNET)
    _check(_libc.unshare(flags))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def _die_with_parent() -> None:
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))


def _lay_out(root: Path) -> None:
    """Mount the job's folders over /opt/ml, its name over /etc/hosts, and a /proc of its own."""
    _mount(None, "/", _MS_REC | _MS_PRIVATE)
    opt = root / "opt"
    for entry in sorted(Path("/opt").iterdir()):
        place = opt / entry.name
        if entry.name == "ml" or entry.is_symlink():
            continue
        if entry.is_dir():
            place.mkdir(exist_ok=True)
        else:
            place.touch()
        _mount(str(entry), str(place), _MS_BIND | _MS_REC)
    _mount(str(root / "ml"), str(opt / "ml"), _MS_BIND)
    _mount(str(opt), "/opt", _MS_BIND | _MS_REC)
    _mount(str(root / "hosts"), "/etc/hosts", _MS_BIND)
    _check(_libc.mount(b"proc", b"/proc", b"proc", 0, None), "/proc")


def _mount(source: str | None, target: str, flags: int) -> None:
    encoded = None if source is None else os.fsencode(source)
    _check(_libc.mount(encoded, os.fsencode(target), None, flags, None), target)


def _check(result: int, name: str | None = None) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
