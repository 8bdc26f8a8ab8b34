"""What was decided in a run, as a hash: equal on equal run ids, nothing has changed.

The trace is what the journal has of events and decisions. What a controller notes for itself (that
it opened the run, that an attempt began) is left out: a run that was interrupted and went on
decided the same.

Invariants (tests/analysis/test_fingerprint.py):
- equal traces have equal hashes, and another decision, config or report gives another;
- the first line that differs is found from the short digests alone, up to their number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pytest_synebench.events import Ended, Reported, SlotFreed, Start, to_json
from pytest_synebench.experiment.journal.journal import read_journal

_DIGEST_CHARS = 4  # per line, to find where two traces part; the whole is compared by sha256
_DIGESTS_AT_MOST = 2_000


@dataclass(frozen=True, slots=True)
class Trace:
    """Events and decisions of a run, in order."""

    lines: tuple[tuple[int, str], ...]  #: number in the journal, canonical text
    configs: str = ""  #: hash of the configs that were tried, in order

    def fingerprint(self) -> dict[str, Any]:
        """Return what a baseline keeps of it."""
        whole = sha256("\n".join(text for _, text in self.lines).encode())
        digests = [_digest(text) for _, text in self.lines[:_DIGESTS_AT_MOST]]
        return {"sha256": whole.hexdigest(), "lines": "".join(digests), "configs": self.configs}

    def same(self, fingerprint: Mapping[str, Any]) -> bool:
        """Whether it is the trace that a fingerprint was taken of."""
        return bool(self.fingerprint()["sha256"] == fingerprint["sha256"])

    def first_difference(self, fingerprint: Mapping[str, Any]) -> str:
        """Return the first line that differs, in words."""
        told = fingerprint["lines"]
        count = len(told) // _DIGEST_CHARS
        for at, (number, text) in enumerate(self.lines[:count]):
            if _digest(text) != told[at * _DIGEST_CHARS : (at + 1) * _DIGEST_CHARS]:
                return (
                    f"decisions first differ at line {number} of the journal, which is now {text}"
                )
        if len(self.lines) < count:
            return f"it ends after {len(self.lines)} events, the baseline's went on"
        return f"it differs after event {count}"


def trace(directory: Path) -> Trace:
    """Return the trace of a run.

    Raises:
        JournalError: its journal is damaged.
    """
    _, entries = read_journal(directory / "journal.jsonl")
    tried = [d.config for one in entries for d in one.decisions if isinstance(d, Start)]
    return Trace(
        tuple(
            (
                number,
                _canonical({"e": to_json(one.event), "d": [to_json(d) for d in one.decisions]}),
            )
            for number, one in enumerate(entries, 2)  # line 1 is the header
            if isinstance(one.event, SlotFreed | Reported | Ended)
        ),
        sha256(_canonical([dict(config) for config in tried]).encode()).hexdigest(),
    )


def _canonical(data: object) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:_DIGEST_CHARS]
