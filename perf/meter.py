"""Runs a command and says what its whole process tree took: wall seconds, and CPU seconds.

``python meter.py TIMEOUT_S COMMAND...`` becomes a child subreaper (Linux), so that whatever the
command leaves behind comes here, is ended, and counts. CPU is the larger of two figures: what the
kernel charged for every process that was waited for, and what /proc showed of the tree four times a
second (some programs let the kernel throw their children's account away). The second is a lower
bound, so the larger of both is one as well, and exact for trees whose parents wait.

``others`` is the share of the machine's processors that was busy with something else meanwhile.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_EVERY_S = 0.25
_TICKS = os.sysconf("SC_CLK_TCK")


def measure(command: Sequence[str], timeout_s: float, **options: Any) -> dict[str, Any]:
    """Run a command under this meter, in a process of its own, and return what was measured.

    Returns:
        ``exit`` (None: out of time), ``wall_s``, ``cpu_s``, ``others`` (0 to 1), ``load`` (of one
        minute, before), ``said`` (the end of its output).
    """
    before = _machine_s()
    load = os.getloadavg()[0]
    options.setdefault("text", True)
    done = subprocess.run(
        [sys.executable, "-S", "-E", __file__, str(timeout_s), *command],
        capture_output=True,
        check=False,
        **options,
    )
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        return {"exit": done.returncode or 1, "said": done.stderr[-2000:], "load": load}
    out: dict[str, Any] = json.loads(lines[-1])
    out["said"] = ("\n".join(lines[-20:-1]) + done.stderr[-1500:]).strip()
    out["load"] = round(load, 2)
    busy, total = (after - start for after, start in zip(_machine_s(), before, strict=True))
    out["others"] = round(max(0.0, busy - out["cpu_s"]) / max(total, 0.01), 2)
    return out


def _machine_s() -> tuple[float, float]:
    """Return busy and total seconds of all processors since the machine was started."""
    fields = [int(f) for f in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) / _TICKS, sum(fields) / _TICKS


def _sample(seen: dict[tuple[int, str], float]) -> list[int]:
    """Note the CPU seconds of each process below this one; return their ids."""
    parents, own = {}, {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.name)] = int(fields[1])
        own[int(entry.name)] = (fields[19], (int(fields[11]) + int(fields[12])) / _TICKS)
    below = [pid for pid in parents if pid != os.getpid() and _is_below(pid, parents)]
    for pid in below:
        seen[pid, own[pid][0]] = own[pid][1]
    return below


def _is_below(pid: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        pid = parents[pid]
        if pid == os.getpid():
            return True
    return False


def _end(seen: dict[tuple[int, str], float]) -> None:
    """Kill what is left below, until nothing is."""
    for _ in range(100):
        for pid in _sample(seen):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.02)


def _watch(child: int, timeout_s: float, seen: dict[tuple[int, str], float]) -> int | None:
    """Wait for the command; return how it ended, or None where its time was up."""
    until_s, next_s = time.monotonic() + timeout_s, 0.0
    descriptor = os.pidfd_open(child)
    while time.monotonic() < until_s:
        if time.monotonic() >= next_s:
            _sample(seen)
            next_s = time.monotonic() + _EVERY_S
        info = os.waitid(os.P_PIDFD, descriptor, os.WEXITED | os.WNOHANG)
        if info is not None:
            return info.si_status if info.si_code == os.CLD_EXITED else -info.si_status
        select.select([descriptor], [], [], max(0.0, next_s - time.monotonic()))
    return None


def main() -> int:
    """Run the command of the command line; the last line on stdout is the measurement."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    timeout_s, command = float(sys.argv[1]), sys.argv[2:]
    seen: dict[tuple[int, str], float] = {}
    started_s = time.monotonic()
    child = os.posix_spawn(command[0], command, os.environ)
    exit_code = _watch(child, timeout_s, seen)
    wall_s = time.monotonic() - started_s
    _end(seen)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = max(usage.ru_utime + usage.ru_stime, sum(seen.values()))
    print("\n" + json.dumps({"exit": exit_code, "wall_s": wall_s, "cpu_s": cpu_s}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
