"""Asynchronous successive halving (ASHA), the stopping variant.

Every trial is started to run to its end. At each rung level it is compared with those that reached
the level before it, and stopped for good unless its loss is in the top 1/eta of all of them, its
own included. Nothing is paused, so scripts need no checkpoints; in return, what was stopped too
early stays stopped.

A trial goes on exactly if fewer than max(1, floor(n/eta)) of the n losses in its rung, its own
included, are better than its own. So the first in a rung goes on; up to 2*eta - 1 of them, a trial
goes on only as the best so far; and equal losses fare equally, whichever came first. A loss that
is not finite (NaN, or an infinity) never goes on, not even as the first.

With ``brackets``, a trial may be spared the lowest rungs: see ``brackets``.

Invariants (tests/schedulers/halving/test_asha_stopping.py holds each one):
- at a rung a trial goes on exactly if the rule above says so, and is stopped there otherwise;
- a trial meets each rung of its bracket at most once, and nothing is stopped between rungs;
- a loss that is not finite at a rung stops its trial at once;
- a stopped trial's loss stays in its rungs: it was measured there;
- each attempt is told max_resource, and at that level nothing is stopped.

Source: the rule of the paper's authors (Li et al., MLSys 2020, arXiv:1810.05934) for the stopping
variant in Determined AI: master/pkg/searcher/asha_stopping.go. Others differ: Syne Tune compares
with numpy's interpolated quantile from the second loss on, which lets ceil(n/eta) through, and its
documentation lets the first eta - 1 go on whatever they report; Ray Tune takes the quantile of the
earlier losses only.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_synebench.events import Decision, Ended, Event, Reported, SlotFreed, Start, Stop
from pytest_synebench.schedulers.halving.brackets import Brackets
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.schedulers.roster import Roster
from pytest_synebench.searchers.protocol import Searcher
from pytest_synebench.trial import Report, TrialState


class AshaStopping(Scheduler):
    """Stops at each rung what is not among the best so far; see the module.

    Args:
        searcher: where the configs of new trials come from.
        levels: rung levels, ascending, the last of them max_resource: what ``rung_levels`` returns.
        reduction_factor: eta in the paper: one trial in this many goes on, >= 2.
        brackets: how many, from 1 to the number of levels.
        rung_system_per_bracket: whether each bracket has rungs of its own.
        seed: what chance depends on, where there are several brackets.

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
        brackets: int = 1,
        rung_system_per_bracket: bool = False,
        seed: int = 0,
    ) -> None:
        self._roster = Roster(searcher)
        self._brackets = Brackets(
            levels, reduction_factor, brackets=brackets, apart=rung_system_per_bracket, seed=seed
        )
        self.levels = self._brackets.levels
        self.pauses = False

    def decide(self, event: Event) -> tuple[Decision, ...]:
        """Return what the tuner must do now; ``()`` means carry on. Changes nothing.

        Raises:
            UnknownTrialError: the event names a trial this scheduler never started.
        """
        match event:
            case Reported(report=report):  # the most of them
                return (Stop(trial_id=report.trial_id),) if self._stops(report) else ()
            case SlotFreed(may_start=may_start):
                return self._roster.new_trial(self._brackets.last) if may_start else ()
            case Ended(trial_id=trial_id):
                self._roster.state(trial_id)
                return ()

    def fold(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        """Take the event, and what was decided about it, into the state."""
        if isinstance(event, Reported) and self._running(event.report):
            self._brackets.ladder(event.report.trial_id).fold(event.report)
        self._roster.fold(event, decisions)
        for decision in decisions:
            if isinstance(decision, Start):
                self._brackets.enter(decision.trial_id)

    def handle(self, event: Event) -> tuple[Decision, ...]:
        """Decide, then fold; of a report between two rungs there is nothing to decide."""
        if isinstance(event, Reported) and not self._counts(event.report):
            self._roster.report(event.report)
            return ()
        return super().handle(event)

    def _counts(self, report: Report) -> bool:
        running = self._running(report)
        return running and self._brackets.ladder(report.trial_id).rung_of(report) is not None

    def _stops(self, report: Report) -> bool:
        if not self._running(report):
            return False
        rung = self._brackets.ladder(report.trial_id).rung_of(report)
        return rung is not None and not rung.continues(report.loss)

    def _running(self, report: Report) -> bool:
        return self._roster.state(report.trial_id) is TrialState.RUNNING
