"""What red gates have seen: a gate that is run again adds to it, and never replaces it.

    <storage>/gates/reruns.json: per change, one look after the other, with run ids and scores

A change is known by what it decides on the run ids that a gate repeats. Running a gate again until
it is green would let one loss in twenty through; with all runs in one test a second or third gate
knows more than the first, and a loss that is one stays red.

Invariants (tests/analysis/gate/test_reruns.py):
- a further look has run ids that no earlier one had, and its evidence is that of all of them;
- there are at most two further ones;
- a first look that comes out otherwise begins anew: what is judged is not what it was.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from pytest_synebench.analysis.baselines import Entry
from pytest_synebench.durable import replace_file
from pytest_synebench.errors import UsageError

AT_MOST = 2  #: further looks
SCHEMA = 1


class Look(NamedTuple):
    """Runs of a candidate, and their scores by name."""

    run_ids: list[int]
    scores: dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Reruns:
    """The looks at every change that a gate has found worse."""

    path: Path

    def looks(self, key: str) -> list[Look]:
        """Return the looks at a change, the first one first.

        Raises:
            UsageError: the file is damaged.
        """
        return [
            Look(
                list(one["run_ids"]), {k: [float(v) for v in vs] for k, vs in one["scores"].items()}
            )
            for one in self._read().get(key, [])
        ]

    def begin(self, key: str, look: Look) -> None:
        """Note a first look; where it is the one that is known, nothing changes."""
        known = self.looks(key)
        if not known or _plain(known[0]) != _plain(look):
            self._write(key, [look])

    def add(self, key: str, look: Look) -> None:
        """Note a further look."""
        self._write(key, [*self.looks(key), look])

    def _read(self) -> dict[str, Any]:
        if not self.path.exists():
            return {}
        try:
            changes: dict[str, Any] = dict(json.loads(self.path.read_bytes())["changes"])
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{self.path} holds no looks of a gate ({error!r}); remove it: gates then begin "
                "anew"
            ) from None
        return changes

    def _write(self, key: str, looks: Sequence[Look]) -> None:
        changes = {**self._read(), key: [_plain(one) for one in looks]}
        data = {"schema": SCHEMA, "changes": changes}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self.path, json.dumps(data, indent=1, sort_keys=True).encode() + b"\n")


def change_key(title: str, entry: Entry, traces: Sequence[str]) -> str:
    """Return what a change is known by: its setup, the baseline, and what it decides.

    Args:
        title: ``<benchmark>::<setup>``.
        entry: of the baseline.
        traces: hashes of what was decided on the run ids that are repeated.
    """
    told = json.dumps([title, entry.data, list(traces)], sort_keys=True)
    return f"{title} {sha256(told.encode()).hexdigest()[:16]}"


def pooled(looks: Sequence[Look]) -> dict[str, list[float]]:
    """Return the scores of all runs of several looks."""
    out: dict[str, list[float]] = {}
    for look in looks:
        for score, values in look.scores.items():
            out.setdefault(score, []).extend(values)
    return out


def _plain(look: Look) -> Mapping[str, Any]:
    scores = {
        score: [value if math.isfinite(value) else str(value) for value in values]
        for score, values in look.scores.items()
    }
    return {"run_ids": look.run_ids, "scores": scores}
