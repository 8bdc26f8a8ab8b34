from __future__ import annotations

import math
import sys
from fractions import Fraction
from statistics import median
from typing import Any

import pytest
from by_hand import FREE, FREE_BUT_CAPPED, Numbered, completed, failed, reported, start, stop

from pytest_synebench.errors import UsageError
from pytest_synebench.events import Decision, Ended, Event, Reported, Stop
from pytest_synebench.schedulers.median_stopping import MedianRule, MedianStopping
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace, loguniform
from pytest_synebench.testing.game import Rules
from pytest_synebench.testing.scheduler_suite import SchedulerSuite
from pytest_synebench.trial import Report, TrialId, TrialState

SPACE = ConfigSpace({"lr": loguniform(1e-4, 1.0)})


def average(losses: list[float]) -> float:
    total = 0.0
    for loss in losses:  # one by one: sum() may round otherwise
        total = max(total + loss, -sys.float_info.max)
    return total / len(losses)


def middle(averages: list[float]) -> float:
    if math.inf in averages:  # of two in the middle that are infinitely apart, the mean is infinite
        return median(averages)
    return float(median(map(Fraction, averages)))  # no sum of two that overflows


class MedianRules(Rules):
    """The rule, spelt out: every report is kept, and all is computed anew for each question."""

    def __init__(self, rule: MedianRule) -> None:
        self.rule = rule
        self.reports: dict[TrialId, list[tuple[int, float]]] = {}
        self.ended: dict[TrialId, TrialState] = {}

    def see(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        if isinstance(event, Ended):
            self.ended[event.trial_id] = event.state
        if not isinstance(event, Reported):
            return
        report = event.report
        behind = self.vizier(report) if self.rule.rule == "vizier" else self.syne_tune(report)
        due = behind and self.rule.grace_time <= report.resource < 9
        assert decisions == ((Stop(trial_id=report.trial_id),) if due else ())
        self.reports.setdefault(report.trial_id, []).append((report.resource, report.loss))

    def up_to(self, trial: TrialId, level: int) -> list[float]:
        """Return the losses of a trial up to a level at which it has reported, else []."""
        reports = self.reports.get(trial, [])
        if level not in [at for at, _ in reports]:
            return []
        losses = [loss for at, loss in reports if at <= level]
        return [loss if math.isfinite(loss) else math.inf for loss in losses]

    def so_far(self, report: Report) -> list[float]:
        losses = [loss for _, loss in self.reports.get(report.trial_id, [])] + [report.loss]
        return [loss if math.isfinite(loss) else math.inf for loss in losses]

    def vizier(self, report: Report) -> bool:
        through = [trial for trial, state in self.ended.items() if state is TrialState.COMPLETED]
        curves = [losses for t in through if (losses := self.up_to(t, report.resource))]
        averages = [average(losses) for losses in curves]
        enough = len(averages) >= max(1, self.rule.grace_population)
        return enough and min(self.so_far(report)) > middle(averages)

    def syne_tune(self, report: Report) -> bool:
        curves = [c for t in self.reports if (c := self.up_to(t, report.resource))]
        others = [self.value(losses) for losses in curves]
        mine = self.value(self.so_far(report))
        below = sum(other < mine for other in others)
        enough = len(others) + 1 >= self.rule.grace_population
        return enough and below > self.rule.rank_cutoff * (len(others) + 1)

    def value(self, losses: list[float]) -> float:
        return average(losses) if self.rule.running_average else losses[-1]


class TestMedianStopping(SchedulerSuite):
    rule = MedianRule()

    def make(self, seed: int) -> Scheduler:
        return MedianStopping(RandomSearch(SPACE, seed=seed), max_resource=9, rule=self.rule)

    def rules(self) -> Rules:
        return MedianRules(self.rule)


class TestMedianStoppingAfterAGrace(TestMedianStopping):
    rule = MedianRule(grace_time=3, grace_population=2)


class TestMedianStoppingAsInSyneTune(TestMedianStopping):
    rule = MedianRule(rule="syne_tune", grace_population=3)


class TestMedianStoppingAsInSyneTuneByLastLosses(TestMedianStopping):
    rule = MedianRule(rule="syne_tune", rank_cutoff=0.3, running_average=False)


def median_stopping(trials: int, last: int = 3, **rule: Any) -> MedianStopping:
    scheduler = MedianStopping(Numbered(), max_resource=last, rule=MedianRule(**rule))
    for trial in range(trials):
        assert scheduler.handle(FREE) == start(trial, last)
    return scheduler


def run_through(scheduler: Scheduler, trial: int, losses: list[float]) -> None:
    for level, loss in enumerate(losses, 1):
        assert scheduler.handle(reported(trial, level, loss)) == ()
    assert scheduler.handle(completed(trial)) == ()


def three_are_through(**rule: Any) -> MedianStopping:
    scheduler = median_stopping(5, **rule)
    # Side by side, so that none has the others to be compared with.
    for trial, losses in enumerate([[0.8, 0.6, 0.1], [0.6, 0.4, 0.2], [0.4, 0.2, 0.3]]):
        for level, loss in enumerate(losses, 1):
            assert scheduler.handle(reported(trial, level, loss)) == ()
    for trial in range(3):
        assert scheduler.handle(completed(trial)) == ()
    return scheduler


def test_a_best_loss_that_is_worse_than_the_median_of_the_averages_ends_a_trial() -> None:
    # Averages at level 1: 0.8 0.6 0.4, median 0.6; at level 2: 0.7 0.5 0.3, median 0.5.
    scheduler = three_are_through()
    assert scheduler.handle(reported(3, 1, 0.6)) == ()
    assert scheduler.handle(reported(3, 2, 0.55)) == stop(3)
    assert scheduler.handle(reported(4, 1, 0.61)) == stop(4)


def test_it_is_the_best_loss_so_far_that_counts_not_the_last() -> None:
    scheduler = three_are_through()
    assert scheduler.handle(reported(3, 1, 0.5)) == ()
    assert scheduler.handle(reported(3, 2, 9.0)) == ()


def test_who_was_stopped_or_failed_is_not_compared_with() -> None:
    scheduler = three_are_through()
    assert scheduler.handle(reported(3, 1, 0.7)) == stop(3)
    assert scheduler.handle(FREE) == start(5, 3)
    assert scheduler.handle(reported(5, 1, 0.1)) == ()
    assert scheduler.handle(failed(5)) == ()
    # Still three to compare with, and the median is theirs.
    assert scheduler.handle(reported(4, 1, 0.6)) == ()


def test_while_none_is_through_nothing_is_stopped() -> None:
    scheduler = median_stopping(2)
    assert scheduler.handle(reported(0, 1, 0.1)) == ()
    assert scheduler.handle(reported(1, 1, 9.9)) == ()


def test_within_its_grace_a_trial_may_be_as_bad_as_it_likes() -> None:
    scheduler = three_are_through(grace_time=2)
    assert scheduler.handle(reported(3, 1, 9.0)) == ()
    assert scheduler.handle(reported(3, 2, 9.0)) == stop(3)
    few = three_are_through(grace_population=4)
    assert few.handle(reported(3, 1, 9.0)) == ()


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_diverged_loss_is_infinitely_bad(loss: float) -> None:
    assert three_are_through().handle(reported(3, 1, loss)) == stop(3)


def test_losses_whose_sum_overflows_are_very_good_and_not_infinitely_so() -> None:
    scheduler = median_stopping(3)
    run_through(scheduler, 0, [-1.5e308, -1.5e308, -1.5e308])
    assert scheduler.handle(reported(1, 1, -1.6e308)) == ()
    assert scheduler.handle(reported(1, 2, -1.6e308)) == ()
    # At level 2 the average is the least double, halved, not minus infinity.
    assert scheduler.handle(reported(1, 3, -1.6e308)) == ()
    assert scheduler.handle(completed(1)) == ()
    assert scheduler.handle(reported(2, 1, -1.55e308)) == ()
    assert scheduler.handle(reported(2, 2, -1.55e308)) == ()


def test_at_its_last_level_nothing_is_stopped() -> None:
    scheduler = three_are_through()
    assert scheduler.handle(reported(3, 3, 9.0)) == ()
    assert scheduler.handle(completed(3)) == ()


def test_the_other_rule_compares_averages_with_all_that_came_this_far() -> None:
    scheduler = median_stopping(5, rule="syne_tune", grace_population=4)
    for trial, loss in enumerate([0.1, 0.2, 0.9]):
        assert scheduler.handle(reported(trial, 1, loss)) == ()
    # Of four, its own counted in, two lie below it: a half, no more.
    assert scheduler.handle(reported(3, 1, 0.5)) == ()
    # Of five, three: more than a half.
    assert scheduler.handle(reported(4, 1, 0.6)) == stop(4)


def test_a_late_report_of_a_stopped_trial_counts_nowhere() -> None:
    scheduler = three_are_through()
    assert scheduler.handle(reported(3, 1, 0.7)) == stop(3)
    assert scheduler.handle(reported(3, 2, 0.7)) == ()


def test_it_never_pauses_and_may_stop_at_every_level_but_the_last() -> None:
    assert (median_stopping(0).levels, median_stopping(0).pauses) == ((1, 2), False)
    assert median_stopping(0, 5, grace_time=3).levels == (3, 4)
    assert median_stopping(0).handle(FREE_BUT_CAPPED) == ()


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"rule": "mean"}, "median_rule is 'mean'; it must be vizier or syne_tune"),
        ({"grace_time": 0}, "grace_time is 0; it must be from 1 up"),
        ({"grace_population": 0}, "grace_population is 0; it must be from 1 up"),
        ({"rank_cutoff": 1.5}, r"rank_cutoff is 1\.5; it must be from 0 to 1"),
    ],
)
def test_a_rule_that_is_none_is_refused(rule: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        MedianRule(**rule)
