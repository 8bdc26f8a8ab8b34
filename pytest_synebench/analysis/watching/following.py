"""Reads a journal as it grows, without holding or changing it.

Invariants (tests/analysis/watching/test_following.py):
- wherever reading pauses, what is known is what the whole lines so far tell;
- a file that was cut back, or replaced, is read anew.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_synebench.experiment.journal.journal import parse_lines
from pytest_synebench.experiment.journal.trials import TrialTable


class Follower:
    """Follows one journal."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._restart()

    def _restart(self) -> None:
        self.table = TrialTable()
        self.header: Mapping[str, Any] = {}
        self._first = b""  #: its header's line
        self._read = 0  #: bytes that were taken in
        self._file = (0, 0)  #: device and inode

    def follow(self) -> bool:
        """Take in what was written since the last time; return whether there was anything.

        Raises:
            JournalError: a line is damaged.
            OSError: the file cannot be read.
        """
        with self._path.open("rb") as file:
            told = os.fstat(file.fileno())
            if (told.st_dev, told.st_ino) != self._file or told.st_size < self._read:
                self._restart()
                self._file = (told.st_dev, told.st_ino)
            file.seek(self._read)
            lines = file.read().split(b"\n")[:-1]
        # The last one may have a hole yet, where a file system has not written its middle.
        if lines and b"\0\0" in lines[-1]:
            lines.pop()
        if not lines:
            return False
        whole = [line + b"\n" for line in lines]
        if not self._first:
            self._first = whole[0]
            self._read += len(whole.pop(0))
        header, entries = parse_lines([self._first, *whole], str(self._path))
        self.header = header or {}
        for entry in entries:
            self.table.fold(entry.event, entry.decisions)
        self._read += sum(map(len, whole))
        return True
