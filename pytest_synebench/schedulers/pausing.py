"""Every trial is paused at each of the given levels, and resumed at once: nothing is compared.

For looking at how a script resumes; ``--synebench-verify-resume`` trains with it, and what it finds
is done again by hand with it.

Invariants (tests/schedulers/test_pausing.py holds each one):
- a trial is paused at the first report from each of the levels on, but at its last level never;
- a paused trial goes on before another one starts, to the next of the levels that it has not
  reached;
- no loss changes a decision.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from pytest_synebench.events import Decision, Ended, Event, Pause, Reported, Resume, SlotFreed
from pytest_synebench.schedulers.halving.rungs import check_levels
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.schedulers.roster import Roster
from pytest_synebench.searchers.protocol import Searcher
from pytest_synebench.trial import TrialId, TrialState


class Pausing(Scheduler):
    """Pauses and resumes; see the module.

    Args:
        searcher: where configs come from.
        levels: at which trials are paused, ascending; the last is where they end.

    Raises:
        UsageError: the levels do not ascend from 1 up.
    """

    def __init__(self, searcher: Searcher, *, levels: Sequence[int]) -> None:
        check_levels(levels)
        self.pauses = True
        self._until = tuple(levels)
        self.levels = self._until[:-1]
        self._roster = Roster(searcher)
        self._reached: dict[TrialId, int] = {}
        self._paused: dict[TrialId, None] = {}  #: in the order in which they were

    def decide(self, event: Event) -> tuple[Decision, ...]:
        """Return what to do with a slot or a trial; see the module. Changes nothing.

        Raises:
            UnknownTrialError: the event names a trial this scheduler never started.
        """
        match event:
            case SlotFreed(may_start=may_start):
                if self._paused:
                    trial_id = next(iter(self._paused))
                    return (Resume(trial_id=trial_id, until=self._next(self._reached[trial_id])),)
                return self._roster.new_trial(self._next(0)) if may_start else ()
            case Reported(report=report):
                running = self._roster.state(report.trial_id) is TrialState.RUNNING
                before = self._reached.get(report.trial_id, 0)
                due = self._next(before) <= report.resource < self._until[-1]
                return (Pause(trial_id=report.trial_id),) if running and due else ()
            case Ended(trial_id=trial_id):
                self._roster.state(trial_id)
        return ()

    def fold(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        """Take the event, and what was decided about it, into the state."""
        self._roster.fold(event, decisions)
        for decision in decisions:
            match decision:
                case Pause(trial_id=trial_id) if isinstance(event, Reported):
                    self._reached[trial_id] = event.report.resource
                    self._paused[trial_id] = None
                case Resume(trial_id=trial_id):
                    self._paused.pop(trial_id, None)
                case _:
                    continue
        if isinstance(event, Ended):
            self._paused.pop(event.trial_id, None)

    def _next(self, reached: int) -> int:
        return self._until[min(bisect_right(self._until, reached), len(self.levels))]
