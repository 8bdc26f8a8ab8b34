"""A ladder: the rungs that the trials of one bracket climb, and how far up each trial is.

Invariants (tests/schedulers/halving/test_ladder.py holds each one):
- a report counts in the highest rung whose level it has reached, once, and never in one that the
  trial has reached before; reports between rungs count nowhere;
- a script that skips a level is compared at its first report past it, and where it skips several
  levels at once, only in the highest of them: each report is one measurement;
- a report at the last level counts in no rung: there the trial ends by itself;
- a trial that entered above the lowest rungs is never compared in them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TypeAlias

from pytest_synebench.schedulers.halving.rungs import Rung, check_levels, check_reduction_factor
from pytest_synebench.trial import Report, TrialId

RungMaker: TypeAlias = Callable[[int, int], Rung]


class Ladder:
    """Rungs by ascending level, and each trial's place.

    Args:
        levels: resource levels, ascending; trials are compared at all but the last, where they end.
        reduction_factor: eta: one trial in this many moves up, >= 2.
        rung: makes the rung of a level, for a factor.

    Raises:
        UsageError: the levels do not ascend from 1 up, or the factor is below 2.
    """

    def __init__(
        self, levels: Sequence[int], reduction_factor: int, rung: RungMaker = Rung
    ) -> None:
        check_levels(levels)
        check_reduction_factor(reduction_factor)
        self._levels = tuple(levels)
        self._rungs = tuple(rung(level, reduction_factor) for level in levels[:-1])
        #: Per trial, how many rungs lie below or at it. No entry: none.
        self._climbed: dict[TrialId, int] = {}

    @property
    def levels(self) -> tuple[int, ...]:
        """Levels at which trials are compared, ascending: the last one is not among them."""
        return self._levels[:-1]

    @property
    def last(self) -> int:
        """The level at which trials end."""
        return self._levels[-1]

    def enter(self, trial_id: TrialId, skip: int) -> None:
        """Let a new trial begin above the ``skip`` lowest rungs."""
        if skip:
            self._climbed[trial_id] = skip

    def rung_of(self, report: Report) -> Rung | None:
        """Return the rung in which a report counts, or None: in none."""
        reached = self._reached(report)
        return self._rungs[reached - 1] if reached else None

    def _reached(self, report: Report) -> int:
        """Return how many rungs a report has reached if it counts in the last of them, else 0."""
        reached = bisect_right(self._levels, report.resource)
        new = self._climbed.get(report.trial_id, 0) < reached < len(self._levels)
        return reached if new else 0

    def fold(self, report: Report) -> None:
        """Take a report's loss into the rung in which it counts, if it counts in one."""
        reached = self._reached(report)
        if reached:
            self._rungs[reached - 1].take(report)
            self._climbed[report.trial_id] = reached

    def place(self, trial_id: TrialId) -> Rung | None:
        """Return the last rung in which the trial was compared, or that it was spared, if any."""
        climbed = self._climbed.get(trial_id, 0)
        return self._rungs[climbed - 1] if climbed else None

    def next_level(self, trial_id: TrialId) -> int:
        """Return the level to which the trial runs next."""
        return self._levels[self._climbed.get(trial_id, 0)]

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The rungs, the lowest first."""
        return self._rungs
