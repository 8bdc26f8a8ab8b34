from __future__ import annotations

import math

import pytest
from by_hand import FREE, FREE_BUT_CAPPED, Numbered, completed, reported, start
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.errors import UsageError
from pytest_synebench.events import Pause, Resume
from pytest_synebench.schedulers import catalog
from pytest_synebench.schedulers.arguments import Arguments
from pytest_synebench.schedulers.pausing import Pausing
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace, loguniform
from pytest_synebench.testing.scheduler_suite import SchedulerSuite
from pytest_synebench.testing.strategies import LOSSES
from pytest_synebench.trial import TrialId

SPACE = ConfigSpace({"lr": loguniform(1e-4, 1.0)})


class TestPausing(SchedulerSuite):
    games = 15

    def make(self, seed: int) -> Scheduler:
        return Pausing(RandomSearch(SPACE, seed=seed), levels=(1, 3, self.max_resource or 9))


def test_a_trial_is_paused_at_each_level_and_goes_on_before_another_starts() -> None:
    pausing = Pausing(Numbered(), levels=(2, 5, 9))
    assert pausing.handle(FREE) == start(0, 2)
    assert pausing.handle(reported(0, 1, 0.5)) == ()
    assert pausing.handle(reported(0, 2, 0.5)) == (Pause(trial_id=TrialId(0)),)
    assert pausing.handle(FREE_BUT_CAPPED) == (Resume(trial_id=TrialId(0), until=5),)
    assert pausing.handle(FREE) == start(1, 2)
    assert pausing.handle(reported(0, 5, 0.5)) == (Pause(trial_id=TrialId(0)),)
    assert pausing.handle(FREE) == (Resume(trial_id=TrialId(0), until=9),)
    assert pausing.handle(reported(0, 9, 0.5)) == ()
    assert pausing.handle(completed(0)) == ()


def test_a_script_that_skips_a_level_is_paused_at_its_first_report_beyond_it() -> None:
    pausing = Pausing(Numbered(), levels=(3, 4, 9))
    pausing.handle(FREE)
    assert pausing.handle(reported(0, 2, 0.5)) == ()
    assert pausing.handle(reported(0, 6, 0.5)) == (Pause(trial_id=TrialId(0)),)
    assert pausing.handle(FREE) == (Resume(trial_id=TrialId(0), until=9),)


@given(losses=st.lists(LOSSES, min_size=5, max_size=5))
def test_no_loss_changes_a_decision(losses: list[float]) -> None:
    told, flat = (Pausing(Numbered(), levels=(2, 4, 5)) for _ in range(2))
    for level, loss in enumerate([*losses[:4], math.nan], 1):
        assert told.handle(FREE) == flat.handle(FREE)
        assert told.handle(reported(0, level, loss)) == flat.handle(reported(0, level, 0.0))


@pytest.mark.parametrize(("given_levels", "levels"), [(None, (1, 2, 3)), ([2], (2,)), ([4], ())])
def test_the_levels_are_those_listed_below_the_last(
    given_levels: list[int] | None, levels: tuple[int, ...]
) -> None:
    made = catalog.build(
        "pausing",
        Arguments(
            searcher=Numbered(), resource_attr="epoch", max_resource=4, rung_levels=given_levels
        ),
    )
    assert (made.pauses, made.levels) == (True, levels)


def test_levels_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(UsageError, match="rung_levels is 3, 1"):
        Pausing(Numbered(), levels=(3, 1))
