"""What the scheduler of a project's one run was told, and what it said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from toy_project import JOURNALS

from pytest_synebench.events import Ended, Reported, SlotFreed, to_json
from pytest_synebench.experiment.journal.journal import read_journal

Line = tuple[dict[str, Any], list[dict[str, Any]]]


def decided(folder: Path) -> list[Line]:
    """Return it over all sessions of the run."""
    (path,) = folder.glob(JOURNALS)
    _, entries = read_journal(path)
    return [
        (to_json(entry.event), [to_json(decision) for decision in entry.decisions])
        for entry in entries
        if isinstance(entry.event, SlotFreed | Reported | Ended)
    ]
