"""How often each operation was asked for, and what jobs have asked for.

Invariants (tests/emulator/serving/test_calls.py holds each one):
- a call of a job counts twice: among all, and among those of jobs, there by AWS's own name.
"""

from __future__ import annotations

from collections import Counter
from threading import Lock


class Calls:
    """Counts requests; those of the emulator itself are not among them."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._of_jobs: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, operation: str) -> None:
        """Count one."""
        with self._lock:
            self._counts[operation] += 1

    def add_of_job(self, operation: str) -> None:
        """Count one of a job, by the name that AWS has for it."""
        with self._lock:
            self._of_jobs[operation] += 1

    def counts(self) -> dict[str, int]:
        """Return the counts by operation."""
        with self._lock:
            return dict(self._counts)

    def of_jobs(self) -> dict[str, int]:
        """Return the counts of what jobs have asked for."""
        with self._lock:
            return dict(self._of_jobs)

    def clear(self) -> None:
        """Begin at zero."""
        with self._lock:
            self._counts.clear()
            self._of_jobs.clear()
