"""Writes and reads journals and run directories without running anything."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pytest_synebench.experiment.journal.journal import Entry, Journal
from pytest_synebench.experiment.journal.trials import TrialTable


def write_journal(path: Path, entries: Iterable[Entry], **header: Any) -> Path:
    """Write a journal with these entries, by the code that a run writes it with."""
    journal = Journal(path, sync=False)
    journal.begin(header)
    for entry in entries:
        journal.append(entry.event, entry.decisions)
    journal.close()
    return path


def folded(entries: Iterable[Entry]) -> TrialTable:
    table = TrialTable()
    for entry in entries:
        table.fold(entry.event, entry.decisions)
    return table
