"""Synchronous Hyperband, and with one bracket synchronous successive halving.

A bracket is a tournament: so many new trials run to its first level and are paused there; when all
of them have come, the best 1/eta run to the next level, and so on, up to max_resource. Hyperband
runs brackets one after the other, from the one with the most trials and the lowest first level to
the one whose few trials run to the end at once, and then begins again.

No slot waits for a rung to fill: when a bracket has nothing to run, the next one is opened. Of
several brackets with something to run, the earliest comes first.

Of K levels, a bracket that begins at the (s+1)-th has k = K - 1 - s halvings and begins with
ceil(K * eta**k / (k + 1)) trials; of n places in a rung, floor(n / eta) are in the next, at least
one. Of equal losses the earlier is better. A trial that failed, in its rung or while it waited
there, ranks worst, and so does a loss that is no finite number (NaN, an infinity): neither moves
up, and if too few are left, the next rung has fewer trials. So it is with a trial that has come to
its own end. Where no new trial may start any more (num_trials, or the space is used up), a bracket
that is not full goes on with those it has.

Invariants (tests/schedulers/halving/test_synchronous_hyperband.py holds each one):
- a trial moves up only when every place of its rung has come, and only from the top 1/eta;
- a free slot is filled: by a promotion of the earliest bracket, else by a new trial;
- a failed trial, and a diverged one, never moves up, and nothing waits for it;
- every attempt is told the next level of its bracket, and no trial runs past max_resource.

Source: Li et al., "Hyperband", JMLR 18 (2018), Algorithm 1. Its Table 1 has other sizes (27, 9, 6
and 5 for R=81, eta=3) than its Algorithm 1 (34, 15, 8 and 5), which holds here. Where it differs:
the paper runs one bracket at a time. Syne Tune, which also opens the next, rounds the sizes of all
rungs up (``round_up``), lets failed trials move up where too few others are left, and takes of
equal losses the one whose attempt began earlier.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from pytest_synebench.errors import UsageError
from pytest_synebench.events import (
    Decision,
    Ended,
    Event,
    Pause,
    Reported,
    Resume,
    SlotFreed,
    Start,
)
from pytest_synebench.schedulers.halving.rungs import check_levels, check_reduction_factor
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.schedulers.roster import Roster
from pytest_synebench.searchers.protocol import Searcher
from pytest_synebench.trial import Report, TrialId, TrialState


def first_size(num_levels: int, skip: int, reduction_factor: int) -> int:
    """Return with how many trials a bracket begins that skips the ``skip`` lowest levels.

    >>> [first_size(5, skip, 3) for skip in range(5)]
    [81, 34, 15, 8, 5]
    """
    halvings = num_levels - 1 - skip
    configs: int = num_levels * reduction_factor**halvings
    return -(-configs // (halvings + 1))  # rounded up


@dataclass(slots=True)
class _Bracket:
    """One tournament; ``came`` and ``owing`` are of the rung that is being filled."""

    number: int
    levels: tuple[int, ...]
    places: int  #: of that rung
    rung: int = 0  #: which of the levels
    started: int = 0  #: trials that it has begun with so far
    full: bool = False  #: whether it takes no new trials
    owing: set[TrialId] = field(default_factory=set)  #: run to its level, or are about to
    came: dict[TrialId, float] = field(default_factory=dict)  #: losses, in the order of arrival

    def ranked(self, places: int) -> list[TrialId]:
        """Return who moves up where so many may, the best first."""
        finite = [trial_id for trial_id, loss in self.came.items() if math.isfinite(loss)]
        return sorted(finite, key=self.came.__getitem__)[:places]  # stable: the earlier first

    def climb(self, places: int) -> list[TrialId]:
        """Go on to the next rung, of so many places; return who moves up, the best first."""
        up = self.ranked(places) if self.rung + 1 < len(self.levels) else []
        self.rung += 1
        self.places = places
        self.owing, self.came = set(up), {}
        return up


class SynchronousHyperband(Scheduler):
    """Runs brackets of successive halving; see the module.

    Args:
        searcher: where the configs of new trials come from.
        levels: rung levels, ascending, the last of them max_resource: what ``rung_levels`` returns.
        reduction_factor: eta in the paper: one trial in this many moves up, >= 2.
        brackets: how many different ones, from 1 to the number of levels; None: all.
        round_up: whether of n places ceil(n / eta) are in the next rung, as in Syne Tune.

    Raises:
        UsageError: the levels do not ascend from 1 up, the factor is below 2, or there are more
            brackets than levels.
    """

    def __init__(
        self,
        searcher: Searcher,
        *,
        levels: Sequence[int],
        reduction_factor: int,
        brackets: int | None = None,
        round_up: bool = False,
    ) -> None:
        check_levels(levels)
        check_reduction_factor(reduction_factor)
        if brackets is not None and not 1 <= brackets <= len(levels):
            raise UsageError(
                f"brackets is {brackets}; with the levels {', '.join(map(str, levels))} there are "
                f"from 1 to {len(levels)}, each beginning at one of them"
            )
        self._all_levels = tuple(levels)
        self._factor = reduction_factor
        self._round_up = round_up
        self._cycle = brackets or len(levels)
        self.levels = self._all_levels[:-1]
        self.pauses = bool(self.levels)
        self._roster = Roster(searcher)
        self._brackets: list[_Bracket] = []  #: only the last one may have room for new trials
        self._number_of: dict[TrialId, int] = {}  #: the bracket of each trial
        #: Heap: (bracket, rank, trial). Its head is ready; below it, some may have failed.
        self._queue: list[tuple[int, int, TrialId]] = []
        self._ready: set[TrialId] = set()  #: may be resumed

    def decide(self, event: Event) -> tuple[Decision, ...]:
        """Return what the tuner must do now; ``()`` means carry on. Changes nothing.

        Raises:
            UnknownTrialError: the event names a trial this scheduler never started.
        """
        match event:
            case SlotFreed(may_start=may_start):
                new = self._new_trial() if may_start and not self._queue else ()
                return new or self._promotion()
            case Reported(report=report):
                return (Pause(trial_id=report.trial_id),) if self._counts(report) else ()
            case Ended(trial_id=trial_id):
                self._roster.state(trial_id)
                return ()

    def fold(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        """Take the event, and what was decided about it, into the state."""
        if isinstance(event, Reported) and self._counts(event.report):
            bracket = self._bracket(event.report.trial_id)
            bracket.owing.discard(event.report.trial_id)
            bracket.came[event.report.trial_id] = event.report.loss
            self._advance(bracket)
        self._roster.fold(event, decisions)
        if isinstance(event, SlotFreed) and not self._queue:
            self._close(decisions)
        elif isinstance(event, Ended):
            self._drop(event.trial_id)
        for decision in decisions:
            if isinstance(decision, Start):
                self._enter(decision.trial_id)
            elif isinstance(decision, Resume):
                self._leave_queue(decision.trial_id)

    # -- what there is to run --------------------------------------------------------------------

    def _promotion(self) -> tuple[Resume, ...]:
        if self._queue:
            trial_id = self._queue[0][2]
            bracket = self._bracket(trial_id)
            return (Resume(trial_id=trial_id, until=bracket.levels[bracket.rung]),)
        newest = self._with_room()
        # No new trial: the bracket that has room for some goes on with those it has.
        if newest is None or newest.owing or len(newest.levels) == 1:
            return ()
        up = newest.ranked(self._places_above(newest))
        return (Resume(trial_id=up[0], until=newest.levels[1]),) if up else ()

    def _new_trial(self) -> tuple[Decision, ...]:
        newest = self._with_room()
        levels = self._next_levels() if newest is None else newest.levels
        return self._roster.new_trial(levels[0])

    def _next_levels(self) -> tuple[int, ...]:
        return self._all_levels[len(self._brackets) % self._cycle :]

    def _with_room(self) -> _Bracket | None:
        newest = self._brackets[-1] if self._brackets else None
        return None if newest is None or newest.full else newest

    def _places_above(self, bracket: _Bracket) -> int:
        rounded = self._factor - 1 if self._round_up else 0
        return max(1, (bracket.places + rounded) // self._factor)

    def _bracket(self, trial_id: TrialId) -> _Bracket:
        return self._brackets[self._number_of[trial_id]]

    def _counts(self, report: Report) -> bool:
        if self._roster.state(report.trial_id) is not TrialState.RUNNING:
            return False
        bracket = self._bracket(report.trial_id)
        return bracket.levels[bracket.rung] <= report.resource < self._all_levels[-1]

    # -- what has come of it ---------------------------------------------------------------------

    def _enter(self, trial_id: TrialId) -> None:
        bracket = self._with_room()
        if bracket is None:
            levels, number = self._next_levels(), len(self._brackets)
            skip = len(self._all_levels) - len(levels)
            places = first_size(len(self._all_levels), skip, self._factor)
            bracket = _Bracket(number, levels, places)
            self._brackets.append(bracket)
        self._number_of[trial_id] = bracket.number
        bracket.owing.add(trial_id)
        bracket.started += 1
        bracket.full = bracket.started == bracket.places

    def _close(self, decisions: tuple[Decision, ...]) -> None:
        started = any(isinstance(decision, Start) for decision in decisions)
        newest = self._with_room()
        if not started and newest is not None:
            newest.full, newest.places = True, newest.started
            self._advance(newest)

    def _drop(self, trial_id: TrialId) -> None:
        bracket = self._bracket(trial_id)
        self._leave_queue(trial_id)
        bracket.owing.discard(trial_id)
        bracket.came.pop(trial_id, None)
        self._advance(bracket)

    def _advance(self, bracket: _Bracket) -> None:
        if not bracket.full or bracket.owing or bracket.rung >= len(bracket.levels):
            return
        for rank, trial_id in enumerate(bracket.climb(self._places_above(bracket))):
            heappush(self._queue, (bracket.number, rank, trial_id))
            self._ready.add(trial_id)

    def _leave_queue(self, trial_id: TrialId) -> None:
        self._ready.discard(trial_id)
        while self._queue and self._queue[0][2] not in self._ready:
            heappop(self._queue)
