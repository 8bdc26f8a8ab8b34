"""First in, first out: every free slot gets a new trial, and every trial runs to its end.

Invariants (tests/schedulers/test_fifo.py holds each one):
- a free slot gets a new trial, until none may start or the searcher has no more configs;
- nothing is ever paused or stopped, whatever is reported.
"""

from __future__ import annotations

from pytest_synebench.events import Decision, Ended, Event, Reported, SlotFreed
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.schedulers.roster import Roster
from pytest_synebench.searchers.protocol import Searcher


class Fifo(Scheduler):
    """Starts trials in the searcher's order; see the module.

    Args:
        searcher: where configs come from.
        max_resource: resource level at which each trial ends; None: where its script ends.
    """

    def __init__(self, searcher: Searcher, *, max_resource: int | None = None) -> None:
        self.pauses = False
        self.levels = ()
        self._max_resource = max_resource
        self._roster = Roster(searcher)

    def decide(self, event: Event) -> tuple[Decision, ...]:
        """Return a new trial for a free slot, and ``()`` for all else. Changes nothing.

        Raises:
            UnknownTrialError: the event names a trial this scheduler never started.
        """
        match event:
            case Reported(report=report):  # the most of them
                self._roster.state(report.trial_id)
            case SlotFreed(may_start=may_start):
                return self._roster.new_trial(self._max_resource) if may_start else ()
            case Ended(trial_id=trial_id):
                self._roster.state(trial_id)
        return ()

    def fold(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        """Take the event, and what was decided about it, into the state."""
        self._roster.fold(event, decisions)

    def handle(self, event: Event) -> tuple[Decision, ...]:
        """Decide, then fold; of a report there is nothing to decide."""
        if isinstance(event, Reported):
            self._roster.report(event.report)
            return ()
        return super().handle(event)
