"""The process that holds a run: its name for ever and everywhere, and what can be seen of it.

A number is not a name: it is used again. With the moment its process began, in clock ticks since
the boot, with that boot, and with the namespace that counts processes, it is one.

Invariants (tests/experiment/store/test_holder.py):
- a number that was used again, or of another boot or namespace, is never taken for the holder;
- what no version of ours wrote whole is nobody's name.

Source: Linux, proc(5); boot_id as in random(4).
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

from pytest_synebench.clock import Clock

_PROC = Path("/proc")


class Doing(Enum):
    """What a holder is doing, as far as it can be seen from here."""

    RUNNING = "running"
    STOPPED = "stopped"  # by Ctrl-Z, SIGSTOP or a debugger
    GONE = "gone"
    UNSEEN = "unseen"  # on another machine, in another container, before another boot


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds, or held, a run; what ``lease.json`` says."""

    pid: int
    started: int  #: clock ticks from the boot to the beginning of the process
    boot: str  #: the kernel's own id of this boot
    namespace: str  #: which counts its processes: a container has one of its own
    host: str
    since_utc: str
    released: bool = False  #: it has let go of the run in order

    @classmethod
    def me(cls, clock: Clock) -> Holder:
        """Return this process, from now on."""
        _, started = _look(os.getpid()) or ("", 0)
        return cls(
            pid=os.getpid(),
            started=started,
            boot=_boot(),
            namespace=_namespace(),
            host=socket.gethostname(),
            since_utc=clock.utc().isoformat(timespec="seconds"),
        )

    @classmethod
    def read(cls, data: bytes) -> Holder | None:
        """Return the holder that these bytes name, or None: empty, torn, of another kind."""
        # The first line alone: a shorter one may have been written over a longer one.
        line, end, _ = data.partition(b"\n")
        try:
            holder = cls(**json.loads(line))
        except (ValueError, TypeError):
            return None
        kinds = zip(asdict(holder).values(), cls.__annotations__.values(), strict=True)
        return holder if end and all(type(v).__name__ == kind for v, kind in kinds) else None

    def to_bytes(self) -> bytes:
        """Return what ``read`` takes."""
        return json.dumps(asdict(self)).encode() + b"\n"

    def __str__(self) -> str:
        return f"pid {self.pid} on {self.host} (since {self.since_utc})"

    def doing(self) -> Doing:
        """Return what the process is doing."""
        here = (_boot(), _namespace(), socket.gethostname())
        if (self.boot, self.namespace, self.host) != here:
            return Doing.UNSEEN
        state, started = _look(self.pid) or ("", 0)
        if started != self.started:
            return Doing.GONE
        return Doing.STOPPED if state in ("T", "t") else Doing.RUNNING

    def may_write(self) -> bool:
        """Whether it may still write, although the lock on its lease was to be had.

        On one kernel a free lock is the truth, unless a file system keeps none. On another
        machine's it may be a lie of the network between them.
        """
        if self.released:
            return False
        if self.boot == _boot():
            mine = self.pid == os.getpid()  # a lease of this very process, which it has dropped
            return self.doing() in (Doing.RUNNING, Doing.STOPPED) and not mine
        return self.host != socket.gethostname()  # the same: it was booted since


def _look(pid: int) -> tuple[str, int] | None:
    """Return state and beginning of a process, or None: it has ended (a zombie has)."""
    try:
        text = (_PROC / str(pid) / "stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rindex(b")") + 2 :].split(maxsplit=20)
    state = fields[0].decode()
    return None if state in ("Z", "X") else (state, int(fields[19]))


def _boot() -> str:
    with contextlib.suppress(OSError):
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    return ""


def _namespace() -> str:
    with contextlib.suppress(OSError):
        return os.readlink(_PROC / "self/ns/pid")  # noqa: PTH115 - its text is no path
    return ""
