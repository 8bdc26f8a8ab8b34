from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from by_hand import FREE, FREE_BUT_CAPPED, Numbered, pause, resume, start
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.events import Reported
from pytest_synebench.schedulers.halving.asha_cost_promotion import AshaCostPromotion, CostRung
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace, loguniform
from pytest_synebench.testing.scheduler_suite import SchedulerSuite
from pytest_synebench.testing.strategies import LOSSES
from pytest_synebench.trial import Report, TrialId

SPACE = ConfigSpace({"lr": loguniform(1e-4, 1.0)})


class TestAshaCostPromotion(SchedulerSuite):
    """Here no report has a cost; what the costs do is held against a plain count below."""

    def make(self, seed: int) -> Scheduler:
        searcher = RandomSearch(SPACE, seed=seed)
        return AshaCostPromotion(
            searcher, levels=(1, 3, 9), reduction_factor=3, cost_attr="seconds"
        )


def report_of(trial: int, loss: float, cost: Any) -> Report:
    metrics = {} if cost is None else {"seconds": cost}
    return Report(trial_id=TrialId(trial), resource=1, loss=loss, at_s=0.0, metrics=metrics)


COSTS = st.sampled_from([0, 1, 1.0, 0.1, 5, 100.0, 1e300]) | st.floats(0, 10)


@given(
    entries=st.lists(st.tuples(LOSSES, COSTS), min_size=1, max_size=20), factor=st.integers(2, 4)
)
def test_the_top_is_the_longest_head_that_costs_its_share(
    entries: list[tuple[float, float]], factor: int
) -> None:
    rung = CostRung(1, factor, cost_attr="seconds")
    waiting: list[tuple[float, int]] = []
    for trial, (loss, cost) in enumerate(entries):
        rung.take(report_of(trial, loss, cost))
        rung.wait(TrialId(trial))
        waiting.append((loss if math.isfinite(loss) else math.inf, trial))
        spent, top = Fraction(), []
        for one, number in sorted(waiting):
            spent += Fraction(entries[number][1])
            if spent * factor > sum(Fraction(entries[n][1]) for _, n in waiting):
                break
            top.append((one, number))
        best = next((number for one, number in top if math.isfinite(one)), None)
        assert rung.best_promotable() == best


@given(losses=st.lists(LOSSES, min_size=1, max_size=20), factor=st.integers(2, 4))
def test_with_equal_costs_the_top_is_the_best_one_in_eta(losses: list[float], factor: int) -> None:
    rung = CostRung(1, factor, cost_attr="seconds")
    ranked = []
    for trial, loss in enumerate(losses):
        rung.take(report_of(trial, loss, 0.1))
        rung.wait(TrialId(trial))
        ranked.append((loss if math.isfinite(loss) else math.inf, trial))
        top = [n for one, n in sorted(ranked)[: len(ranked) // factor] if math.isfinite(one)]
        assert rung.best_promotable() == (top[0] if top else None)


def asha(entries: list[tuple[float, Any]]) -> AshaCostPromotion:
    scheduler = AshaCostPromotion(
        Numbered(), levels=(1, 9), reduction_factor=2, cost_attr="seconds"
    )
    for trial in range(len(entries)):
        assert scheduler.handle(FREE) == start(trial, 1)
    for trial, (loss, cost) in enumerate(entries):
        assert scheduler.handle(Reported(report=report_of(trial, loss, cost))) == pause(trial)
    return scheduler


def test_cheap_trials_move_up_more_often_than_dear_ones() -> None:
    # Costs 1 1 1 6 by rank: the three best cost 3 of 9, which is within the half of 4.5.
    scheduler = asha([(0.1, 1), (0.2, 1), (0.3, 1), (0.4, 6)])
    promoted = [scheduler.handle(FREE_BUT_CAPPED) for _ in range(4)]
    assert promoted == [resume(0, 9), resume(1, 9), resume(2, 9), ()]
    # Costs 6 1 1 1: the best one alone costs more than its share.
    assert asha([(0.1, 6), (0.2, 1), (0.3, 1), (0.4, 1)]).handle(FREE_BUT_CAPPED) == ()


@pytest.mark.parametrize("cost", [None, -1.0, math.nan, math.inf, "2", True])
def test_a_trial_whose_cost_is_none_never_moves_up(cost: Any) -> None:
    scheduler = asha([(0.1, cost), (0.2, 1), (0.3, 1)])
    assert scheduler.handle(FREE_BUT_CAPPED) == resume(1, 9)
    assert scheduler.handle(FREE_BUT_CAPPED) == ()
