"""Median stopping: a trial that is worse than the median of the others ends early.

Every trial is started to run to its end. At each level from grace_time up a running trial is
compared with those that are through, and stopped for good if it does worse. Nothing is paused, so
scripts need no checkpoints. There are two rules, the paper's and the one Syne Tune has:

- ``vizier``: at level s a trial is stopped if the best loss it has had so far is strictly worse
  than the median, over the completed trials that reported at s, of the averages of their losses up
  to s. Completed are those that ended by themselves: not those that were stopped, nor failed.
- ``syne_tune``: at level s the average of the trial's own losses up to s (its last loss, without
  running_average) is compared with the same numbers of all trials that have reported at s,
  stopped ones included, whatever became of them: it is stopped where more than the share
  rank_cutoff of them, its own counted in, is below it.

In both, nothing is stopped below grace_time, nor where fewer than grace_population values are to
compare with (``syne_tune`` counts the trial's own). For ``vizier``, rank_cutoff is the quantile,
interpolated as numpy does: 0.5 is the median. A loss that is no finite number counts as infinitely
bad: it never is the best, and an average with one in it is infinite. A sum of losses below the
least double is that double: no average is minus infinity.

Invariants (tests/schedulers/test_median_stopping.py holds each one):
- at a level a trial goes on exactly if the rule above says so, and is stopped there otherwise;
- equal is not worse: a trial that does as well as the median goes on;
- nothing is stopped below grace_time, with fewer than grace_population to compare with, or at
  max_resource;
- a report costs O(log n) in the number of trials, an end O(log n) per level of its trial.

Source: Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017, section
3.2.2, which has no grace: grace_time and grace_population are 1 unless given. Syne Tune's
MedianStoppingRule has a population of 5 by default.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field

from pytest_synebench.errors import UsageError
from pytest_synebench.events import Decision, Ended, Event, Reported, SlotFreed, Stop
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.schedulers.quantile import Cutoff, Quantile
from pytest_synebench.schedulers.roster import Roster
from pytest_synebench.searchers.protocol import Searcher
from pytest_synebench.trial import Report, TrialId, TrialState

RULES = ("vizier", "syne_tune")


@dataclass(frozen=True, slots=True, kw_only=True)
class MedianRule:
    """Which rule, and when it begins to count."""

    rule: str = "vizier"  #: one of ``RULES``
    grace_time: int = 1  #: first level at which trials may be stopped, >= 1
    grace_population: int = 1  #: values to compare with, at least, >= 1
    rank_cutoff: float = 0.5  #: the quantile to be as good as, 0 to 1: 0.5 is the median
    running_average: bool = True  #: ``syne_tune``: compare averages; or else last losses

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise UsageError(f"median_rule is {self.rule!r}; it must be {' or '.join(RULES)}")
        for name in ("grace_time", "grace_population"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be from 1 up")
        if not 0 <= self.rank_cutoff <= 1:
            raise UsageError(f"rank_cutoff is {self.rank_cutoff}; it must be from 0 to 1")


@dataclass(slots=True)
class _Curve:
    """What a trial has reported so far."""

    best: float = math.inf
    total: float = 0.0
    averages: dict[int, float] = field(default_factory=dict)  #: by level, up to it

    def with_report(self, loss: float) -> tuple[float, float]:
        """Return the best loss and the average, a further one counted in."""
        average = _sum(self.total, loss) / (len(self.averages) + 1)
        return min(self.best, loss), average

    def add(self, level: int, loss: float) -> None:
        self.best, self.averages[level] = self.with_report(loss)
        self.total = _sum(self.total, loss)


class MedianStopping(Scheduler):
    """Stops what is worse than the median of the others; see the module.

    Args:
        searcher: where the configs of new trials come from.
        max_resource: resource level at which each trial ends.
        rule: which rule, and when it begins to count.
    """

    def __init__(
        self, searcher: Searcher, *, max_resource: int, rule: MedianRule | None = None
    ) -> None:
        self._rule = rule or MedianRule()
        self._last = max_resource
        self.levels = tuple(range(self._rule.grace_time, max_resource))
        self.pauses = False
        self._roster = Roster(searcher)
        self._curves: dict[TrialId, _Curve] = {}
        self._completed: dict[int, Quantile] = {}  #: averages by level, for ``vizier``
        self._reached: dict[int, Cutoff] = {}  #: values by level, for ``syne_tune``

    def decide(self, event: Event) -> tuple[Decision, ...]:
        """Return what the tuner must do now; ``()`` means carry on. Changes nothing.

        Raises:
            UnknownTrialError: the event names a trial this scheduler never started.
        """
        match event:
            case SlotFreed(may_start=may_start):
                return self._roster.new_trial(self._last) if may_start else ()
            case Reported(report=report):
                return (Stop(trial_id=report.trial_id),) if self._stops(report) else ()
            case Ended(trial_id=trial_id):
                self._roster.state(trial_id)
                return ()

    def fold(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        """Take the event, and what was decided about it, into the state."""
        if isinstance(event, Reported) and self._running(event.report):
            self._take(event.report)
        self._roster.fold(event, decisions)
        if isinstance(event, Ended):
            self._close(event.trial_id, event.state)
        for decision in decisions:
            if isinstance(decision, Stop):
                self._close(decision.trial_id, TrialState.STOPPED)

    def _stops(self, report: Report) -> bool:
        at = report.resource
        if not self._running(report) or not self._rule.grace_time <= at < self._last:
            return False
        if self._rule.rule == "vizier":
            others = self._completed.get(at)
            enough = others is not None and others.size >= self._rule.grace_population
            best, _ = self._curve(report).with_report(_ranked(report.loss))
            return others is not None and enough and best > others.value
        reached = self._reached.get(at)
        if reached is None or reached.size + 1 < self._rule.grace_population:
            return False
        return reached.is_behind(self._value(report))

    def _take(self, report: Report) -> None:
        if self._rule.rule == "syne_tune":
            reached = self._reached.setdefault(report.resource, Cutoff(self._rule.rank_cutoff))
            reached.add(self._value(report))
        curve = self._curves.setdefault(report.trial_id, _Curve())
        curve.add(report.resource, _ranked(report.loss))

    def _value(self, report: Report) -> float:
        """Return what ``syne_tune`` compares a trial by."""
        loss = _ranked(report.loss)
        return self._curve(report).with_report(loss)[1] if self._rule.running_average else loss

    def _close(self, trial_id: TrialId, state: TrialState) -> None:
        curve = self._curves.pop(trial_id, None)
        if curve is None or state is not TrialState.COMPLETED or self._rule.rule != "vizier":
            return
        for level, average in curve.averages.items():
            self._completed.setdefault(level, Quantile(self._rule.rank_cutoff)).add(average)

    def _curve(self, report: Report) -> _Curve:
        return self._curves.get(report.trial_id, _Curve())

    def _running(self, report: Report) -> bool:
        return self._roster.state(report.trial_id) is TrialState.RUNNING


def _sum(total: float, loss: float) -> float:
    return max(total + loss, -sys.float_info.max)


def _ranked(loss: float) -> float:
    return loss if math.isfinite(loss) else math.inf
