"""The emulator's time: the machine's, or one that stands still until a test moves it.

A grace of 120 seconds and a runtime of days are tested by moving the clock, not by waiting.

Invariants (tests/emulator/test_clock.py holds each one):
- a driven clock moves only when it is told to;
- no clock goes back.
"""

from __future__ import annotations

import time


class Clock:
    """Seconds since 1970, as the service writes them."""

    def __init__(self, *, driven: bool = False) -> None:
        """Begin now.

        Args:
            driven: stand still until ``advance``.
        """
        self.driven = driven
        self._begun_s = time.time()
        self._monotonic_s = time.monotonic()
        self._ahead_s = 0.0

    def now_s(self) -> float:
        """Return the time, in seconds since 1970."""
        # The wall clock may be set back; what has passed is counted by the other one.
        passed_s = 0.0 if self.driven else time.monotonic() - self._monotonic_s
        return self._begun_s + passed_s + self._ahead_s

    @staticmethod
    def machine_s() -> float:
        """Return the machine's time: CloudWatch takes no line from elsewhen."""
        return time.time()

    def advance(self, seconds: float) -> None:
        """Move forward by ``seconds`` >= 0."""
        if not seconds >= 0:
            raise ValueError(f"a clock does not go back: advance({seconds})")
        self._ahead_s += seconds
