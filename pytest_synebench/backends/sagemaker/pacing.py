"""How often to ask again: soon while there is news, seldom while there is none. Pure.

Invariants (tests/backends/sagemaker/test_pacing.py holds each one):
- a wait is never below the shortest or beyond the longest;
- news brings the shortest wait back; without it waits grow by a fixed factor.
"""

from __future__ import annotations

_GROWTH = 1.5


class Pace:
    """A wait that adapts."""

    def __init__(self, shortest_s: float, longest_s: float) -> None:
        """Begin with the shortest wait; both in seconds."""
        self._shortest_s, self._longest_s = shortest_s, longest_s
        self.wait_s = shortest_s

    def told(self, *, news: bool) -> float:
        """Return how long to wait after an answer."""
        grown = min(self._longest_s, self.wait_s * _GROWTH)
        self.wait_s = self._shortest_s if news else grown
        return self.wait_s
