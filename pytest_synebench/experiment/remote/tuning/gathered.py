"""The files of a run's directory, put together again from the entries of its log.

Invariants (tests/experiment/remote/tuning/test_gathered.py holds each one):
- the files are what the writer's were when it wrote the last entry;
- no file is written outside of the directory, whatever an entry calls it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from pytest_synebench.durable import replace_file
from pytest_synebench.errors import StoreError
from pytest_synebench.experiment.remote.tuning.log import Entry


class Gathered:
    """Files by their names, and which of them have changed since they were written."""

    def __init__(self) -> None:
        self.files: dict[str, bytearray] = {}
        self.over = False
        self._changed: set[str] = set()

    def take(self, entries: Iterable[Entry]) -> None:
        """Add what entries tell, in their order.

        Raises:
            StoreError: one names no file of a run's directory.
        """
        for entry in entries:
            for name, data in entry.grown.items():
                self._checked(name).extend(data)
            for name, data in entry.whole.items():
                self._checked(name)[:] = data
            self._changed |= entry.grown.keys() | entry.whole.keys()
            self.over = self.over or entry.over

    def _checked(self, name: str) -> bytearray:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise StoreError(f"the run's log names {name!r}, which is no file of a run")
        return self.files.setdefault(name, bytearray())

    def write(self, directory: Path) -> bool:
        """Write what has changed; return whether anything has."""
        changed, self._changed = self._changed, set()
        for name in sorted(changed):
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, bytes(self.files[name]))
        return bool(changed)
