"""Brings a scheduler and a table to where a journal ends, without deciding anything again.

Invariants (tests/experiment/journal/test_replay.py):
- replay calls ``fold`` alone; the scheduler then decides as if it had never stopped;
- with ``audit``, each decision is made again as well, and the first that differs is named; which
  bytes the tuner found for a checkpoint is no difference.
"""

from __future__ import annotations

from collections.abc import Iterable

from pytest_synebench.errors import ReplayMismatch
from pytest_synebench.events import Ended, Reported, SlotFreed, is_same, to_json
from pytest_synebench.experiment.journal.journal import Entry
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.schedulers.protocol import Scheduler


def replay(
    entries: Iterable[Entry], scheduler: Scheduler, table: TrialTable, *, audit: bool = False
) -> None:
    """Fold the entries into both.

    Raises:
        ReplayMismatch: with ``audit``, the scheduler would decide otherwise today.
    """
    for number, entry in enumerate(entries, 2):  # line 1 is the header
        if isinstance(entry.event, SlotFreed | Reported | Ended):
            if audit:
                _audit(number, entry, scheduler)
            scheduler.fold(entry.event, entry.decisions)
        table.fold(entry.event, entry.decisions)


def _audit(number: int, entry: Entry, scheduler: Scheduler) -> None:
    if not isinstance(entry.event, SlotFreed | Reported | Ended):
        return
    again = scheduler.decide(entry.event)
    if len(again) != len(entry.decisions) or not all(map(is_same, again, entry.decisions)):
        raise ReplayMismatch(
            f"line {number} of the journal: on {to_json(entry.event)} the scheduler decided "
            f"{[to_json(d) for d in entry.decisions]}, and would decide "
            f"{[to_json(d) for d in again]} now: scheduler, searcher or space have changed"
        )
