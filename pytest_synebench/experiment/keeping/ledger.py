"""Which checkpoints of a run the archive has: ``checkpoints.jsonl`` of the run's directory.

A line is written once a checkpoint was kept and compared, and names its hash: what can be loaded
is known without asking the archive what it has. Measured, like ``timings.jsonl``: when a copy is
done depends on the network, so the journal has no word of it.

Invariants (tests/experiment/keeping/test_ledger.py):
- a checkpoint that was noted is known until it is removed, after a crash as well, and no other is;
- one that was removed, or lies beyond a level that was given up, is never the newest again;
- of two histories of a trial the later attempt's counts.
"""

from __future__ import annotations

import json
from pathlib import Path

from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.durable import LineLog
from pytest_synebench.trial import TrialId

NAME = "checkpoints.jsonl"


class Ledger:
    """What the archive is known to have, by trial."""

    def __init__(self, directory: Path) -> None:
        """Read the ledger of a run, or begin one.

        Args:
            directory: of the run.

        Raises:
            JournalError: it was damaged.
            OSError: it cannot be read or written.
        """
        self._log = LineLog(directory / NAME)
        self._kept: dict[TrialId, dict[Place, str]] = {}
        self.dropped: set[Place] = set()  #: of histories that were given up, or removed
        self.count = 0  #: checkpoints that are kept
        for payload in self._log.payloads:
            self._fold(json.loads(payload))

    def note(self, place: Place, sha256: str) -> None:
        """Write down, durably, that a checkpoint is kept. May be repeated."""
        if self._kept.get(place.trial_id, {}).get(place) != sha256:
            trial, attempt, level = place
            self._add({"trial": trial, "attempt": attempt, "level": level, "sha256": sha256})

    def discard_beyond(self, trial_id: TrialId, level: int) -> None:
        """Forget a trial's checkpoints of later levels: their history was given up."""
        if any(place.level > level for place in self._kept.get(trial_id, ())):
            self._add({"trial": trial_id, "beyond": level})

    def remove(self, place: Place) -> None:
        """Write down, durably, that a checkpoint is not needed: before it goes. May be repeated."""
        if place in self._kept.get(place.trial_id, ()):
            trial, attempt, level = place
            self._add({"trial": trial, "attempt": attempt, "level": level, "removed": True})

    def all(self) -> frozenset[Place]:
        """Return every checkpoint that is kept."""
        return frozenset(place for kept in self._kept.values() for place in kept)

    def trials(self) -> frozenset[TrialId]:
        """Return the trials that have a checkpoint."""
        return frozenset(trial_id for trial_id, kept in self._kept.items() if kept)

    def newest(self, trial_id: TrialId, at_most: int) -> list[tuple[Place, str]]:
        """Return a trial's checkpoints up to a level, the newest first, each with its hash."""
        found = [one for one in self._kept.get(trial_id, {}).items() if one[0].level <= at_most]
        return sorted(found, key=lambda one: one[0].age, reverse=True)

    def level(self, trial_id: TrialId, at_most: int) -> int:
        """Return the level of the newest, up to a level; 0: there is none."""
        found = self.newest(trial_id, at_most)
        return found[0][0].level if found else 0

    def close(self) -> None:
        """Let the file go. May be repeated."""
        self._log.close()

    def _add(self, line: dict[str, object]) -> None:
        self._log.append(json.dumps(line).encode())
        self._fold(line)

    def _fold(self, line: dict[str, object]) -> None:
        trial_id = TrialId(int(str(line["trial"])))
        kept = self._kept.setdefault(trial_id, {})
        self.count -= len(kept)
        self._fold_kept(kept, trial_id, line)
        self.count += len(kept)

    def _fold_kept(
        self, kept: dict[Place, str], trial_id: TrialId, line: dict[str, object]
    ) -> None:
        if "beyond" in line:
            for place in [place for place in kept if place.level > int(str(line["beyond"]))]:
                del kept[place]
                self.dropped.add(place)
            return
        place = Place(trial_id, int(str(line["attempt"])), int(str(line["level"])))
        if "removed" in line:
            kept.pop(place, None)
            self.dropped.add(place)
            return
        self.dropped.discard(place)
        kept[place] = str(line["sha256"])
