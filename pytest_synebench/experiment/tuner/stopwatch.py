"""Measured time of one session: since the experiment began, and while somebody waited for it.

Invariants (tests/experiment/tuner/test_stopwatch.py):
- time between two sessions counts for nothing;
- time in which nobody pumps is not pumped time, nor is that in which the process was stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytest_synebench.clock import Clock

_SLACK_S = 5.0  #: by which a wait may be longer than asked, on a machine that is busy


class Stopwatch:
    """Runs from when it is made."""

    def __init__(self, clock: Clock, already_s: float = 0.0) -> None:
        """Begin to measure.

        Args:
            clock: what tells the time.
            already_s: seconds that earlier sessions have taken.
        """
        self._clock = clock
        self._began_s = clock.now_s()
        # Exactly 0 where the clock goes on at that time itself: no sum, which would round.
        self._offset_s = already_s - self._began_s
        self._pumped_s = 0.0
        self._entered_s: float | None = None

    def session_s(self) -> float:
        """Return the seconds of this session."""
        return self._clock.now_s() - self._began_s

    def total_s(self) -> float:
        """Return the seconds since the experiment began, pauses between sessions left out."""
        return self._clock.now_s() + self._offset_s

    def pumped_s(self) -> float:
        """Return the seconds of this session in which somebody waited for trials."""
        if self._entered_s is None:
            return self._pumped_s
        return self._pumped_s + self._clock.now_s() - self._entered_s

    @contextmanager
    def pumping(self) -> Iterator[None]:
        """Count the time in here as pumped."""
        self._entered_s = self._clock.now_s()
        try:
            yield
        finally:
            self._pumped_s, self._entered_s = self.pumped_s(), None

    def waiting(self, at_most_s: float) -> _Waiting:
        """Wait in here, while pumping; what is far beyond the longest wait is not pumped time."""
        return _Waiting(self, at_most_s)

    def waited(self, began_s: float, at_most_s: float) -> None:
        """Leave out what a wait took beyond its longest; it began when ``total_s`` was that."""
        beyond_s = self.total_s() - began_s - at_most_s - _SLACK_S
        if self._entered_s is not None and beyond_s > 0:
            self._entered_s += beyond_s


class _Waiting:
    """One wait; not made of a generator, which takes longer than the wait where time is virtual."""

    __slots__ = ("_at_most_s", "_began_s", "_watch")

    def __init__(self, watch: Stopwatch, at_most_s: float) -> None:
        self._watch = watch
        self._at_most_s = at_most_s

    def __enter__(self) -> None:
        self._began_s = self._watch.total_s()

    def __exit__(self, *error: object) -> None:
        self._watch.waited(self._began_s, self._at_most_s)
