"""The one place where the controller reads time, or waits for it.

Invariants (tests/test_clock.py holds each one):
- ``now_s`` never goes backwards, whatever happens to the wall clock;
- a ``VirtualClock`` moves only when it is told to.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Protocol

_UTC = timezone.utc  # noqa: UP017 - it travels, and containers with Python 3.10 have no UTC


class Clock(Protocol):
    """Monotonic seconds for durations, UTC for names and metadata."""

    def now_s(self) -> float:
        """Return seconds since an arbitrary start; never goes backwards."""
        ...

    def utc(self) -> datetime:
        """Return the wall clock, in UTC. Never subtract two of these."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_s(self) -> float:
        """Return the monotonic clock, in seconds."""
        return time.monotonic()

    def utc(self) -> datetime:
        """Return the wall clock, in UTC."""
        return datetime.now(_UTC)


class VirtualClock:
    """A clock that stands still until it is moved: for simulation and for tests."""

    def __init__(self, now_s: float = 0.0, utc: datetime | None = None) -> None:
        self._now_s = now_s
        self._utc = utc or datetime(2000, 1, 1, tzinfo=_UTC)

    def now_s(self) -> float:
        """Return the virtual time, in seconds."""
        return self._now_s

    def utc(self) -> datetime:
        """Return the wall clock it was made with."""
        return self._utc

    def advance(self, seconds: float) -> None:
        """Move forward by ``seconds`` >= 0."""
        if seconds < 0:
            raise ValueError(f"a clock does not go back: advance({seconds})")
        self._now_s += seconds

    def move_to(self, now_s: float) -> None:
        """Move forward to ``now_s`` exactly, which a sum of steps need not reach."""
        if now_s < self._now_s:
            raise ValueError(f"a clock does not go back: move_to({now_s}) at {self._now_s}")
        self._now_s = now_s
