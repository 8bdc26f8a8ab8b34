"""Log files of an attempt: its output as it came, up to a cap, and the last lines for people.

Invariants (tests/backends/local/test_logs.py holds each one):
- what is kept is kept byte for byte, behind what earlier attempts of the trial wrote;
- a file never grows beyond its cap and one line, which says so, once;
- a disk that is full loses log lines and nothing else; room that comes back is used again;
- the tail is bounded, and printing it cannot move the cursor of a terminal.
"""

from __future__ import annotations

import os
from pathlib import Path

from pytest_synebench.backends.supervision.last_words import last_lines

_TAIL_BYTES = 4096


class CappedLog:
    """A file that only grows, and not for ever."""

    def __init__(self, path: Path, cap_bytes: int) -> None:
        """Open for appending; ``cap_bytes`` counts what the file holds already.

        Raises:
            OSError: the file cannot be opened.
        """
        self._cap = cap_bytes
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        self._size = os.fstat(self._fd).st_size
        self.trouble = ""  #: why bytes below the cap were lost, or ""

    def write(self, data: bytes) -> None:
        """Keep what fits."""
        room = self._cap - self._size
        if room < 0:  # the line that says so stands behind the cap
            return
        self._append(data[:room])
        if len(data) > room:
            self._append(b"\n[synebench: %d bytes reached, the rest is dropped]\n" % self._cap)

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                written = os.write(self._fd, view)
                self._size += written
                view = view[written:]
        except OSError as error:
            self.trouble = error.strerror or type(error).__name__

    def close(self) -> None:
        """Let the file go."""
        os.close(self._fd)


class Tail:
    """The last lines of a stream."""

    def __init__(self) -> None:
        self._bytes = b""

    def write(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        self._bytes = (self._bytes + data[-_TAIL_BYTES:])[-_TAIL_BYTES:]

    def text(self) -> str:
        """Return the last lines, fit for a terminal."""
        return last_lines(self._bytes)
