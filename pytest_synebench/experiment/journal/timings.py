"""Measured times of a run, kept apart from its journal so that journals can be compared.

One line per attempt in ``timings.jsonl``. A lost line costs a statistic, never a result, so
nothing here waits for the disk.

Invariants (tests/experiment/journal/test_timings.py):
- a line that a crash tore costs itself only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from pytest_synebench.backends.protocol import AttemptKey
from pytest_synebench.trial import TrialId

_NAME = "timings.jsonl"


def append(directory: Path, spans: Iterable[tuple[AttemptKey, float, float]]) -> None:
    """Add (attempt, began, ended) in seconds of experiment time."""
    with (directory / _NAME).open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":
                file.write(b"\n")
        for key, began_s, ended_s in spans:
            line = {"trial": key.trial_id, "attempt": key.number, "from": began_s, "to": ended_s}
            file.write(json.dumps(line).encode() + b"\n")


def total_s(directory: Path) -> dict[TrialId, float]:
    """Return the seconds that each trial's attempts have taken, as far as was written."""
    path = directory / _NAME
    total: dict[TrialId, float] = {}
    for text in path.read_bytes().splitlines() if path.exists() else ():
        try:
            line = json.loads(text)
        except ValueError:
            continue  # torn by a crash
        trial_id = TrialId(line["trial"])
        total[trial_id] = total.get(trial_id, 0.0) + line["to"] - line["from"]
    return total
