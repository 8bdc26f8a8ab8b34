"""Quantiles of a growing set of numbers, ready at any time.

Invariants (tests/schedulers/test_quantile.py holds each one):
- ``Quantile.value`` is what numpy's default (linear interpolation) gives for these numbers; where
  that overflows, it lies between the two as well;
- ``Cutoff.is_behind(x)`` says whether more than the share q of the numbers, x counted in, are
  below x;
- adding a number costs O(log n) comparisons, each question O(1).
"""

from __future__ import annotations

import math
from heapq import heappop, heappush, heappushpop


class _Split:
    """Numbers, split into the lowest and the rest: how many the lowest are, a subclass says."""

    __slots__ = ("_high", "_low", "_q")

    def __init__(self, q: float) -> None:
        self._q = q
        self._low: list[float] = []  #: heap, negated: the highest first
        self._high: list[float] = []  #: heap: the lowest first

    @property
    def size(self) -> int:
        """How many numbers are in."""
        return len(self._low) + len(self._high)

    def add(self, number: float) -> None:
        """Take a number in: finite or infinite, not NaN."""
        heappush(self._high, -heappushpop(self._low, -number))
        while len(self._low) < min(self.size, self._lowest()):
            heappush(self._low, -heappop(self._high))

    def _lowest(self) -> int:
        """Return how many belong to the lowest; it may not go down when a number is added."""
        raise NotImplementedError


class Quantile(_Split):
    """The value below which a share of the numbers lies.

    Args:
        q: the share, 0 <= q <= 1: 0.5 gives the median.
    """

    __slots__ = ()

    def _lowest(self) -> int:
        return math.floor(self._q * (self.size - 1)) + 1

    @property
    def value(self) -> float:
        """The quantile of what is in; there must be a number."""
        at, below = self._q * (self.size - 1), -self._low[0]
        share = at - math.floor(at)
        if not share or below == self._high[0]:
            return below
        above = self._high[0]
        if math.isfinite(above - below):
            return below + share * (above - below)
        return (1 - share) * below + share * above  # the difference of two large ones overflows


class Cutoff(_Split):
    """Where a number is behind too many others.

    Args:
        q: the share of numbers that may be below one, 0 <= q <= 1.
    """

    __slots__ = ()

    def _lowest(self) -> int:
        # One more than may lie below the next number, which counts as well.
        return math.floor(self._q * (self.size + 1)) + 1

    def is_behind(self, number: float) -> bool:
        """Whether more than the share q lies below a further number, counted in."""
        return len(self._low) >= self._lowest() and -self._low[0] < number
