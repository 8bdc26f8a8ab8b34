"""PASHA's top rung: the curves of the trials in it, and how they rank there and in the rung below.

What ``ranking`` says of two rankings and of two curves, kept up as trials come, for all of them at
once: as long as going up changes nothing the top rung stays low, and one trial in eta comes to it.
A trial still costs something for each one there, but what arrays cost.

Invariants (tests/schedulers/halving/test_top_rung.py holds each one):
- the rankings agree exactly where ``ranking.agrees`` says so of the same losses;
- the distances that are noise are those that ``ranking.noise`` gives, trial by trial.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

Rank: TypeAlias = tuple[float, int]  #: a loss, and the place in the order of arrival


class _Ranking:
    """Trials by their rank, with the loss that each has in the rung below."""

    def __init__(self) -> None:
        import numpy as np  # here, since a plugin that runs nothing imports no numpy

        self._ranks: list[Rank] = []
        self.below = np.empty(0)

    def insert(self, rank: Rank, below: float) -> None:
        import numpy as np

        at = bisect_right(self._ranks, rank)
        self._ranks.insert(at, rank)
        self.below = np.insert(self.below, at, below)


class TopRung:
    """The trials in one rung."""

    def __init__(self) -> None:
        import numpy as np

        self._size = 0
        self._levels: list[int] = []  #: that were reported, ascending
        self._curves: Floats = np.empty((8, 0))  #: by trial and level; NaN: not reported
        self._below, self._here = _Ranking(), _Ranking()

    def add(self, curve: Mapping[int, float]) -> list[float]:
        """Take a trial in; return its distances from earlier ones that are noise.

        Args:
            curve: its losses by level; infinite where one diverged, never NaN.
        """
        self._make_room(curve)
        row = self._curves[self._size]
        row[:] = [curve.get(level, float("nan")) for level in self._levels]
        distances = _noise(row, self._curves[: self._size])
        self._size += 1
        return distances

    def rank(self, below: Rank, loss: float) -> None:
        """Take in how a trial ranks that was in the rung below as well.

        Args:
            below: its rank there.
            loss: that it has here.
        """
        self._below.insert(below, below[0])
        self._here.insert((loss, below[1]), below[0])

    @property
    def losses_below(self) -> Sequence[float]:
        """What the trials that rank in both have in the rung below, the best first."""
        losses: list[float] = self._below.below.tolist()
        return losses

    def agrees(self, epsilon: float) -> bool:
        """Whether the ranking here agrees with the one in the rung below.

        Args:
            epsilon: how far two losses may be apart in the rung below and yet change places.
        """
        import numpy as np

        expected, ranked = self._below.below, self._here.below
        with np.errstate(invalid="ignore", over="ignore"):  # two that are infinite are equal
            near = (expected == ranked) | (abs(expected - ranked) <= epsilon)
        return bool(near.all())

    def _make_room(self, curve: Mapping[int, float]) -> None:
        import numpy as np

        levels = sorted({*self._levels, *curve})
        rows = len(self._curves) * (2 if self._size == len(self._curves) else 1)
        if (rows, len(levels)) != self._curves.shape:
            wider = np.full((rows, len(levels)), np.nan)
            columns = [levels.index(level) for level in self._levels]
            wider[: len(self._curves), columns] = self._curves
            self._levels, self._curves = levels, wider


def _noise(row: Floats, others: Floats) -> list[float]:
    """Return the distances, at the last common level, of curves that cross and cross back."""
    import numpy as np

    last, everyone = row.size - 1, np.arange(len(others))
    with np.errstate(invalid="ignore", over="ignore"):  # two that are infinite are a tie
        apart = row - others
    signs = np.sign(np.nan_to_num(apart, nan=0.0))
    common = ~np.isnan(row) & ~np.isnan(others)
    at = last - np.argmax(common[:, ::-1], axis=1)
    sign = signs[everyone, at][:, None]
    # From above: the first level where the order is another one; and the lowest where it is not.
    crossed, same = (signs == -sign) & (sign != 0), signs == sign
    first = last - np.argmax(crossed[:, ::-1], axis=1)
    back = crossed.any(axis=1) & (np.argmax(same, axis=1) < first)
    distances = abs(apart[everyone, at])
    found: list[float] = distances[back & np.isfinite(distances)].tolist()
    return found
