from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from by_hand import FREE, FREE_BUT_CAPPED, Numbered, pause, reported, resume, start

from pytest_synebench.errors import UsageError
from pytest_synebench.events import Decision, Event, Reported, Resume
from pytest_synebench.schedulers.halving.pasha import Criterion, Pasha
from pytest_synebench.schedulers.halving.ranking import agrees, noise, spread
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace, loguniform
from pytest_synebench.testing.game import Rules
from pytest_synebench.testing.halving import PromotionRules
from pytest_synebench.testing.scheduler_suite import SchedulerSuite
from pytest_synebench.trial import TrialId

SPACE = ConfigSpace({"lr": loguniform(1e-4, 1.0)})


class PashaRules(PromotionRules):
    """Promotion, from below the top; the noise is looked for anew in all pairs each time."""

    def __init__(self, levels: tuple[int, ...], factor: int, criterion: Criterion) -> None:
        super().__init__(levels, factor)
        self.criterion = criterion
        self.top = min(1, len(levels) - 1)
        self.epsilon = 0.0
        self.curves: dict[TrialId, dict[int, float]] = {}

    def see(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        super().see(event, decisions)
        if isinstance(event, Reported):
            report = event.report
            loss = report.loss if math.isfinite(report.loss) else math.inf
            self.curves.setdefault(report.trial_id, {})[report.resource] = loss
            at_top = self.rung_of.get(report.trial_id) == self.levels[self.top]
            if decisions and at_top:
                self.look_at_the_top()

    def promotion(self) -> Resume | None:
        kept = self.rungs
        self.rungs = {at: rung for at, rung in kept.items() if at[0] < self.levels[self.top]}
        try:
            return super().promotion()
        finally:
            self.rungs = kept

    def look_at_the_top(self) -> None:
        above = {trial: loss for loss, trial in self.rungs[self.levels[self.top], 0]}
        below_rung = self.rungs.get((self.levels[self.top - 1], 0), [])
        below = {trial: loss for loss, trial in below_rung if trial in above}
        pairs = itertools.combinations(above, 2)
        seen = [noise(self.curves[a], self.curves[b]) for a, b in pairs]
        distances = [distance for distance in seen if distance is not None]
        if distances:
            self.epsilon = float(np.percentile(distances, 90))
        if self.criterion.name != "soft_ranking":
            epsilon = self.criterion.scaling * spread(self.criterion.name, list(below.values()))
        else:
            given = self.criterion.epsilon
            epsilon = self.epsilon if given is None else given
        upper = [above[trial] for trial in below]
        if not agrees(list(below.values()), upper, epsilon):
            self.top += 1


class TestPasha(SchedulerSuite):
    levels: tuple[int, ...] = (1, 2, 4, 9)
    criterion = Criterion()

    def make(self, seed: int) -> Scheduler:
        return Pasha(
            RandomSearch(SPACE, seed=seed),
            levels=self.levels,
            reduction_factor=2,
            criterion=self.criterion,
        )

    def rules(self) -> Rules:
        return PashaRules(self.levels, 2, self.criterion)


class TestPashaBySpread(TestPasha):
    criterion = Criterion(name="soft_ranking_median_dst", scaling=0.5)
    games = 15


class TestPashaDirect(TestPasha):
    criterion = Criterion(name="direct_ranking")
    levels = (1, 2, 3, 4, 5, 9)
    games = 15


class TestPashaWithoutRungs(TestPasha):
    levels = (9,)
    games = 8


def pasha(**criterion: Any) -> Pasha:
    """Return one where trials 0 to 3 wait at level 1 with 0.1, 0.2, 0.3, 0.4: two may rise."""
    scheduler = Pasha(
        Numbered(), levels=(1, 2, 4, 8), reduction_factor=2, criterion=Criterion(**criterion)
    )
    for trial in range(4):
        assert scheduler.handle(FREE) == start(trial, 1)
    for trial in range(4):
        assert scheduler.handle(reported(trial, 1, 0.1 * (trial + 1))) == pause(trial)
    for trial in range(2):
        assert scheduler.handle(FREE) == resume(trial, 2)
    return scheduler


def test_while_the_rankings_agree_nobody_leaves_the_second_rung() -> None:
    scheduler = pasha()
    for trial, loss in [(0, 0.05), (1, 0.06)]:
        assert scheduler.handle(reported(trial, 2, loss)) == pause(trial)
    assert scheduler.top == 2
    assert scheduler.handle(FREE_BUT_CAPPED) == ()


def test_when_two_change_places_one_more_rung_is_opened() -> None:
    scheduler = pasha()
    for trial, loss in [(0, 0.06), (1, 0.05)]:
        assert scheduler.handle(reported(trial, 2, loss)) == pause(trial)
    assert scheduler.top == 4
    assert scheduler.handle(FREE_BUT_CAPPED) == resume(1, 4)


def test_a_change_within_epsilon_is_none() -> None:
    for epsilon, top in [(0.2, 2), (0.05, 4)]:
        scheduler = pasha(epsilon=epsilon)
        for trial, loss in [(0, 0.06), (1, 0.05)]:
            scheduler.handle(reported(trial, 2, loss))
        assert scheduler.top == top


def test_epsilon_is_what_curves_differ_by_that_cross_and_cross_back() -> None:
    scheduler = Pasha(Numbered(), levels=(3, 4, 9), reduction_factor=2)
    for _ in range(4):
        scheduler.handle(FREE)
    # 0 and 1 cross at level 2 and back at level 3; at 4 they cross again, by 0.15.
    curves = [(0.5, 0.6, 0.50, 0.55), (0.6, 0.5, 0.55, 0.40), (0.7,) * 4, (0.8,) * 4]
    for trial, curve in enumerate(curves):
        for level in (1, 2, 3):
            scheduler.handle(reported(trial, level, curve[level - 1]))
    assert [scheduler.handle(FREE) for _ in range(2)] == [resume(0, 4), resume(1, 4)]
    for trial in range(2):
        scheduler.handle(reported(trial, 4, curves[trial][3]))
    # They were 0.05 apart at level 3, and the noise is 0.15: the change of places says nothing.
    assert scheduler.top == 4


def test_at_max_resource_nothing_is_compared_any_more() -> None:
    scheduler = Pasha(Numbered(), levels=(1, 9), reduction_factor=2)
    assert scheduler.top == 9
    for trial in range(2):
        scheduler.handle(FREE)
        scheduler.handle(reported(trial, 1, 0.1))
    assert scheduler.handle(FREE) == resume(0, 9)


@pytest.mark.parametrize(
    ("criterion", "text"),
    [
        ({"name": "rank"}, "pasha_ranking_criterion is 'rank'; known: soft_ranking, "),
        ({"epsilon": -1.0}, r"pasha_epsilon is -1\.0; it must be a number from 0 up"),
        ({"scaling": math.nan}, "pasha_epsilon_scaling is nan; it must be a number from 0 up"),
    ],
)
def test_a_criterion_that_is_none_is_refused(criterion: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        Criterion(**criterion)
