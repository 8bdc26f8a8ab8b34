"""How often each operation was asked for."""

from __future__ import annotations

from collections import Counter
from threading import Lock


class Calls:
    """Counts requests; those of the emulator itself are not among them."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, operation: str) -> None:
        """Count one."""
        with self._lock:
            self._counts[operation] += 1

    def counts(self) -> dict[str, int]:
        """Return the counts by operation."""
        with self._lock:
            return dict(self._counts)

    def clear(self) -> None:
        """Begin at zero."""
        with self._lock:
            self._counts.clear()
