"""How many requests are under way at once: more while they are answered, half where they are not.

Invariants (tests/checkpoints/s3/test_pace.py holds each one):
- there is always room for one, and never for more than ``MOST``;
- a server that is busy halves it, once for all that were under way by then;
- answers give it back, about one more for as many answers as there may be requests at once; slow
  ones do not.

Source: additive increase, multiplicative decrease: Chiu, Jain, Computer Networks and ISDN Systems
17, 1989.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition

MOST = 16
_FIRST = 4.0
_SLOW = 4.0  #: times the best of its size: no more at once than now
_STUCK = 32.0  #: times the best of its size: as good as refused
_FORGETS = 1.02  #: the best of a size becomes worse by this with each answer: networks change


@dataclass(frozen=True, slots=True)
class Window:
    """The rule: what one outcome after the other makes of the number."""

    size: float = _FIRST
    passed_over: int = 0  #: outcomes that belong to a decrease that was made

    @property
    def room(self) -> int:
        """Requests at once."""
        return int(self.size)

    def answered(self, *, slow: bool = False) -> Window:
        """Return what is after an answer."""
        grown = self.size if slow else min(float(MOST), self.size + 1 / self.size)
        return Window(grown, max(0, self.passed_over - 1))

    def refused(self) -> Window:
        """Return what is after a server said that it is busy, or nothing in time."""
        if self.passed_over:
            return Window(self.size, self.passed_over - 1)
        return Window(max(1.0, self.size / 2), self.room - 1)


class Pace:
    """Holds requests back, for all threads of an archive."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._window = Window()
        self._under_way = 0
        self._best_s: dict[int, float] = {}  #: by the order of magnitude of the body

    @property
    def room(self) -> int:
        """Requests at once, by now."""
        return self._window.room

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a place among the requests that are under way, and take it."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way < self._window.room)
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify()

    def answered(self, took_s: float, size: int = 0) -> None:
        """Take in that a request was answered.

        Args:
            took_s: seconds that it took.
            size: of its body, in bytes.
        """
        with self._changed:
            kind = size.bit_length() // 3
            best = min(took_s, self._best_s.get(kind, took_s) * _FORGETS)
            self._best_s[kind] = best
            times = took_s / best if best > 0 else 1.0
            if times > _STUCK:
                self._window = self._window.refused()
            else:
                self._window = self._window.answered(slow=times > _SLOW)
            self._changed.notify_all()

    def refused(self) -> None:
        """Take in that a server said that it is busy, or nothing in time."""
        with self._changed:
            self._window = self._window.refused()
