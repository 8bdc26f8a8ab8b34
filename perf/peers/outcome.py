"""What every driver is told, and what it says at the end. Standard library only.

A driver runs ``--trials`` trials of ``--script`` on ``--workers`` workers and writes one JSON file:
wall seconds from before the first trial is started until the last has ended, the epochs that were
run, and the latency of each report: from the script's call to the system's decision about it. Both
ends of a latency are read from the machine's monotonic clock, which all processes share.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any, Self


def arguments(*more: "tuple[str, int | float | str]") -> argparse.Namespace:
    """Return the options of a driver; ``more`` are (name, default) of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--script", required=True)
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--epoch_s", type=float, default=0.0)
    parser.add_argument("--megabytes", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--torch", type=int, default=0)
    parser.add_argument("--asha", type=int, default=0)
    for name, default in more:
        parser.add_argument(f"--{name}", type=type(default), default=default)
    return parser.parse_args()


class Outcome:
    """A context: its length is the wall time; ``decided`` is called once for each report."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.latencies_s: list[float] = []
        self.more: dict[str, object] = {}

    def __enter__(self) -> Self:
        """Begin."""
        self.began_s, self.cpu_s = time.monotonic(), time.process_time()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """End, and write what was seen unless it failed."""
        wall_s = time.monotonic() - self.began_s
        if kind is None:
            seen: dict[str, Any] = {"wall_s": wall_s, "epochs": len(self.latencies_s)}
            seen["controller_cpu_s"] = time.process_time() - self.cpu_s
            seen["latencies_s"] = [round(value, 7) for value in self.latencies_s]
            Path(self.path).write_text(json.dumps({**seen, **self.more}))

    def decided(self, at_s: float) -> None:
        """Note that a report, sent at this time, has been decided about."""
        self.latencies_s.append(time.monotonic() - at_s)
