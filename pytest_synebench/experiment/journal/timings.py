"""Measured times of a run, kept apart from its journal so that journals can be compared.

One line per attempt in ``timings.jsonl``; in a deterministic run also one per report, with the
elapsed time that the script reported, since the journal of such a run holds nothing measured. A
lost line costs a statistic, never a result, so nothing here waits for the disk.

Invariants (tests/experiment/journal/test_timings.py):
- a line that a crash tore costs itself only;
- a line of another kind, which a later version may write, is passed over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from pytest_synebench.backends.protocol import AttemptKey
from pytest_synebench.trial import Scalar, TrialId

_NAME = "timings.jsonl"


class Span(NamedTuple):
    """How long an attempt took, in measured seconds since the experiment began."""

    key: AttemptKey
    began_s: float
    ended_s: float


class Arrival(NamedTuple):
    """When a report arrived, in measured seconds since the experiment began."""

    key: AttemptKey
    level: int
    at_s: float
    elapsed: Scalar = None  #: what the script reported as its elapsed time, over all its attempts


Timing: TypeAlias = Span | Arrival


def append(directory: Path, lines: Iterable[Timing]) -> None:
    """Add lines to the file of a run."""
    with (directory / _NAME).open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":
                file.write(b"\n")
        for line in lines:
            file.write(json.dumps(_to_json(line)).encode() + b"\n")


def add_up(busy_s: dict[TrialId, float], lines: Iterable[Timing]) -> None:
    """Add the seconds that attempts have taken to those of their trials."""
    for line in lines:
        if isinstance(line, Span):
            trial_id = line.key.trial_id
            busy_s[trial_id] = busy_s.get(trial_id, 0.0) + line.ended_s - line.began_s


def total_s(directory: Path) -> dict[TrialId, float]:
    """Return the seconds that each trial's attempts have taken, as far as was written."""
    total: dict[TrialId, float] = {}
    for line in _lines(directory):
        if "to" in line:
            trial_id = TrialId(line["trial"])
            total[trial_id] = total.get(trial_id, 0.0) + line["to"] - line["from"]
    return total


def last_s(directory: Path) -> float:
    """Return the latest measured second that was written; 0.0 where nothing was."""
    return max((line.get("to", line.get("at", 0.0)) for line in _lines(directory)), default=0.0)


def arrivals(directory: Path) -> dict[tuple[TrialId, int], Arrival]:
    """Return when each level of each trial was reported, as far as was written."""
    found: dict[tuple[TrialId, int], Arrival] = {}
    for line in _lines(directory):
        if "at" in line:
            key = AttemptKey(TrialId(line["trial"]), line["attempt"])
            arrival = Arrival(key, line["level"], line["at"], line.get("elapsed"))
            found[key.trial_id, arrival.level] = arrival
    return found


def _to_json(line: Timing) -> Mapping[str, Any]:
    out: dict[str, Any] = {"trial": line.key.trial_id, "attempt": line.key.number}
    if isinstance(line, Span):
        return {**out, "from": line.began_s, "to": line.ended_s}
    elapsed = {} if line.elapsed is None else {"elapsed": line.elapsed}
    return {**out, "level": line.level, "at": line.at_s, **elapsed}


def _lines(directory: Path) -> Iterator[Mapping[str, Any]]:
    path = directory / _NAME
    for text in path.read_bytes().splitlines() if path.exists() else ():
        try:
            line = json.loads(text)
        except ValueError:
            continue  # torn by a crash
        if isinstance(line, dict):
            yield line
