from __future__ import annotations

import math

from by_hand import FREE, FREE_BUT_CAPPED, Numbered, completed, failed, reported, start
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.schedulers.fifo import Fifo
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace, loguniform
from pytest_synebench.testing.scheduler_suite import SchedulerSuite
from pytest_synebench.testing.strategies import LOSSES

SPACE = ConfigSpace({"lr": loguniform(1e-4, 1.0)})


class TestFifo(SchedulerSuite):
    games = 15

    def make(self, seed: int) -> Scheduler:
        return Fifo(RandomSearch(SPACE, seed=seed), max_resource=self.max_resource)


class TestFifoWithoutAnEnd(SchedulerSuite):
    max_resource = None
    games = 15

    def make(self, seed: int) -> Scheduler:
        return Fifo(RandomSearch(SPACE, seed=seed))


def test_free_slots_get_trials_in_order_until_the_space_is_used_up() -> None:
    fifo = Fifo(Numbered(3), max_resource=9)
    assert [fifo.handle(FREE) for _ in range(4)] == [start(0, 9), start(1, 9), start(2, 9), ()]


def test_a_slot_stays_free_where_none_may_start() -> None:
    fifo = Fifo(Numbered())
    assert fifo.handle(FREE_BUT_CAPPED) == ()
    assert fifo.handle(FREE) == start(0, None)


def test_the_slot_of_a_failed_trial_goes_to_the_next() -> None:
    fifo = Fifo(Numbered())
    fifo.handle(FREE)
    assert fifo.handle(failed(0)) == ()
    assert fifo.handle(FREE) == start(1, None)


@given(losses=st.lists(LOSSES, min_size=1, max_size=9))
def test_nothing_is_paused_or_stopped_whatever_is_reported(losses: list[float]) -> None:
    fifo = Fifo(Numbered(), max_resource=9)
    assert (fifo.pauses, fifo.levels) == (False, ())
    fifo.handle(FREE)
    for level, loss in enumerate([*losses, math.nan], 1):
        assert fifo.handle(reported(0, level, loss)) == ()
    assert fifo.handle(completed(0)) == ()
