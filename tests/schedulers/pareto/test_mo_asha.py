from __future__ import annotations

import math
from typing import Any

import pytest
from by_hand import FREE, FREE_BUT_CAPPED, Numbered, pause, resume, start
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.events import Reported
from pytest_synebench.schedulers.halving.rungs import Rung
from pytest_synebench.schedulers.pareto.mo_asha import MoAsha, ParetoRung
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace, loguniform
from pytest_synebench.testing.game import state_of
from pytest_synebench.testing.scheduler_suite import SchedulerSuite
from pytest_synebench.trial import Report, Scalar, TrialId

SPACE = ConfigSpace({"lr": loguniform(1e-4, 1.0)})


class TestMoAsha(SchedulerSuite):
    """What it decides is held against the order below."""

    def make(self, seed: int) -> Scheduler:
        searcher = RandomSearch(SPACE, seed=seed)
        return MoAsha(searcher, levels=(1, 3, 9), reduction_factor=3, metric="seconds")

    def metrics(self, trial_id: TrialId, resource: int) -> dict[str, Scalar]:
        """Equal ones among them, and a trial that has none."""
        return {} if trial_id == 2 else {"seconds": trial_id * 7 % 5 + resource}


class TestMoAshaWithoutASecondMetric(TestMoAsha):
    """As where a script forgets to report it."""

    def metrics(self, trial_id: TrialId, resource: int) -> dict[str, Scalar]:
        """None."""
        del trial_id, resource
        return {}


def report_of(trial: int, loss: float, second: Any) -> Report:
    metrics = {} if second is None else {"seconds": second}
    return Report(trial_id=TrialId(trial), resource=1, loss=loss, at_s=0.0, metrics=metrics)


@given(losses=st.lists(st.integers(0, 9).map(float), min_size=1, max_size=20, unique=True))
def test_with_an_equal_second_metric_the_best_loss_moves_up_first(losses: list[float]) -> None:
    pareto, plain = ParetoRung(1, 3, metric="seconds", sign=1.0), Rung(1, 3)
    for trial, loss in enumerate(losses):
        for rung in (pareto, plain):
            rung.take(report_of(trial, loss, 5))
            rung.wait(TrialId(trial))
        assert pareto.size == plain.size
        assert pareto.best_promotable() == plain.best_promotable()


def asha(entries: list[tuple[float, Any]], mode: str = "min") -> MoAsha:
    scheduler = MoAsha(Numbered(), levels=(1, 9), reduction_factor=2, metric="seconds", mode=mode)
    for trial in range(len(entries)):
        assert scheduler.handle(FREE) == start(trial, 1)
    for trial, (loss, second) in enumerate(entries):
        assert scheduler.handle(Reported(report=report_of(trial, loss, second))) == pause(trial)
    return scheduler


SIX = [(0.0, 10), (1.0, 9), (5.0, 5), (10.0, 0), (6.0, 6), (7.0, 7)]


def test_the_half_that_moves_up_is_spread_over_the_front() -> None:
    # As in test_sorting: of the front 0, 1, 2, 3 the net takes 0, then 3, then 2.
    scheduler = asha(SIX)
    promoted = [scheduler.handle(FREE_BUT_CAPPED) for _ in range(4)]
    assert promoted == [resume(0, 9), resume(3, 9), resume(2, 9), ()]


def test_a_second_metric_may_be_one_of_which_more_is_better() -> None:
    scheduler = asha([(loss, -second) for loss, second in SIX], mode="max")
    promoted = [scheduler.handle(FREE_BUT_CAPPED) for _ in range(4)]
    assert promoted == [resume(0, 9), resume(3, 9), resume(2, 9), ()]


@pytest.mark.parametrize("second", [None, math.nan, -math.inf, "2", True, 10**400])
def test_a_trial_without_a_second_metric_never_moves_up(second: Any) -> None:
    scheduler = asha([(0.1, second), (0.2, 1), (0.3, 2), (0.4, 3)])
    assert scheduler.handle(FREE_BUT_CAPPED) == resume(1, 9)
    assert scheduler.handle(FREE_BUT_CAPPED) == resume(2, 9)
    assert scheduler.handle(FREE_BUT_CAPPED) == ()


def test_a_diverged_loss_never_moves_up_however_cheap() -> None:
    scheduler = asha([(math.nan, 0), (-math.inf, 0), (0.3, 2), (0.4, 3)])
    assert scheduler.handle(FREE_BUT_CAPPED) == resume(2, 9)
    assert scheduler.handle(FREE_BUT_CAPPED) == resume(3, 9)


POINTS = st.lists(st.tuples(st.integers(0, 9).map(float), st.integers(0, 9)), max_size=30)


@given(points=POINTS)
def test_to_decide_changes_nothing_however_many_points_there_are(
    points: list[tuple[float, int]],
) -> None:
    scheduler = asha([*points])
    for _ in range(len(points)):
        before = state_of(scheduler)
        decisions = scheduler.decide(FREE_BUT_CAPPED)
        assert state_of(scheduler) == before
        scheduler.fold(FREE_BUT_CAPPED, decisions)
