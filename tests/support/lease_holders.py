"""Holders of a run directory: forged ones, and a process that does what it is told."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_synebench.clock import SystemClock
from pytest_synebench.errors import RunError
from pytest_synebench.experiment.store.holder import Holder
from pytest_synebench.experiment.store.lease import NAME, Lease

CLOCK = SystemClock()
HOST = socket.gethostname()
ELSEWHERE = {"boot": "other", "host": "another-machine"}
HOLD = """
import os, sys
from pathlib import Path
from pytest_synebench.clock import SystemClock
from pytest_synebench.errors import RunError
from pytest_synebench.experiment.store.lease import Lease

directory = Path(sys.argv[1])
lease = Lease.take(directory, SystemClock())
lease.rest()
journal = (directory / "journal.jsonl").open("ab", buffering=0)
print("held", flush=True)
for order in sys.stdin:
    try:
        if order == "write\\n":
            journal.write(b"from the old one\\n")
        elif order == "check\\n":
            lease.check()
        elif order == "release\\n":
            lease.release()
        elif order == "step\\n":
            with lease.acting():
                print("in a step", flush=True)
                sys.stdin.readline()
        elif order == "leave a child in a step\\n":
            lease._act()
            os._exit(0) if os.fork() else os.setsid()
        elif order == "leave a child\\n":
            os._exit(0) if os.fork() else os.setsid()
        print("done", flush=True)
    except RunError as error:
        print(error, flush=True)
"""


class Controller:
    """Another process that holds a run directory, and does what it is told."""

    def __init__(self, directory: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        assert self.hears() == "held"

    def hears(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def does(self, order: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{order}\n")
        self._process.stdin.flush()
        return self.hears()

    def stop(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOWAIT)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


def forge(directory: Path, **changes: object) -> Holder:
    """Write the lease of a holder that keeps no lock."""
    holder = replace(Holder.me(CLOCK), **changes)  # type: ignore[arg-type] # its fields
    (directory / NAME).write_bytes(holder.to_bytes())
    return holder


def refusal(directory: Path, *, takeover: bool = False) -> str:
    with pytest.raises(RunError) as caught:
        Lease.take(directory, CLOCK, takeover=takeover)
    return str(caught.value)


def holder_of(directory: Path) -> Holder:
    holder = Holder.read((directory / NAME).read_bytes())
    assert holder is not None
    return holder
