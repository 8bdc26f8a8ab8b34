from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from by_hand import (
    FREE,
    FREE_BUT_CAPPED,
    Numbered,
    completed,
    failed,
    pause,
    reported,
    resume,
    start,
)

from pytest_synebench.errors import UsageError
from pytest_synebench.schedulers.halving.asha_promotion import AshaPromotion
from pytest_synebench.schedulers.halving.brackets import Brackets
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace, loguniform
from pytest_synebench.testing.game import Rules
from pytest_synebench.testing.halving import PromotionRules
from pytest_synebench.testing.scheduler_suite import SchedulerSuite

SPACE = ConfigSpace({"lr": loguniform(1e-4, 1.0)})


class TestAshaPromotion(SchedulerSuite):
    levels: tuple[int, ...] = (1, 3, 9)
    reduction_factor = 3

    def make(self, seed: int) -> Scheduler:
        searcher = RandomSearch(SPACE, seed=seed)
        return AshaPromotion(searcher, levels=self.levels, reduction_factor=self.reduction_factor)

    def rules(self) -> Rules:
        return PromotionRules(self.levels, self.reduction_factor)


class TestAshaPromotionInBrackets(TestAshaPromotion):
    levels = (1, 2, 4, 9)
    reduction_factor = 2
    brackets = 4
    apart = False
    #: Of its own games, one seed: the brackets of the trials must be known to the rules.
    seed = 5

    def make(self, seed: int) -> Scheduler:
        return AshaPromotion(
            RandomSearch(SPACE, seed=seed),
            levels=self.levels,
            reduction_factor=self.reduction_factor,
            brackets=self.brackets,
            rung_system_per_bracket=self.apart,
            seed=self.seed,
        )

    def rules(self) -> Rules:
        drawn = Brackets(self.levels, 2, brackets=self.brackets, seed=self.seed).draw
        return PromotionRules(
            self.levels, self.reduction_factor, bracket_of=drawn, apart=self.apart
        )


class TestAshaPromotionInBracketsOfTheirOwn(TestAshaPromotionInBrackets):
    brackets = 2
    apart = True


class TestAshaPromotionByTwo(TestAshaPromotion):
    levels = (1, 2, 4, 8, 9)
    reduction_factor = 2


class TestAshaPromotionWithUnevenLevels(TestAshaPromotion):
    levels = (2, 3, 7, 8, 9)
    reduction_factor = 2


class TestAshaPromotionWithoutRungs(TestAshaPromotion):
    levels = (9,)
    games = 8


def asha(levels: Sequence[int] = (1, 3, 9), size: int = 100) -> AshaPromotion:
    return AshaPromotion(Numbered(size), levels=levels, reduction_factor=3)


def first_rung(scheduler: Scheduler, losses: Sequence[float]) -> None:
    """Start a trial per loss, with nothing promoted meanwhile, and let each reach level 1."""
    for trial in range(len(losses)):
        assert scheduler.handle(FREE) == start(trial, 1)
    for trial, loss in enumerate(losses):
        assert scheduler.handle(reported(trial, 1, loss)) == pause(trial)


def test_best_of_three_is_resumed_before_a_fourth_trial_starts() -> None:
    scheduler = asha()
    for trial, loss in enumerate([0.9, 0.2, 0.5]):
        assert scheduler.handle(FREE) == start(trial, 1)
        assert scheduler.handle(reported(trial, 1, loss)) == pause(trial)

    # Three losses and eta=3: exactly one may rise, and it is the 0.2.
    assert scheduler.handle(FREE) == resume(1, 3)
    assert scheduler.handle(FREE) == start(3, 1)


def test_nine_trials_climb_as_figure_2_of_the_paper_says() -> None:
    # r=1, R=9, eta=3, nine configs: 9 run to level 1, 3 of them to 3, 1 of those to 9.
    scheduler = asha()
    first_rung(scheduler, [9, 8, 7, 6, 5, 4, 3, 2, 1])

    assert [scheduler.handle(FREE_BUT_CAPPED) for _ in range(4)] == [
        resume(8, 3),
        resume(7, 3),
        resume(6, 3),
        (),
    ]
    assert scheduler.handle(reported(8, 2, 0.1)) == ()
    for trial, loss in [(8, 0.3), (7, 0.2), (6, 0.1)]:
        assert scheduler.handle(reported(trial, 3, loss)) == pause(trial)
    assert scheduler.handle(FREE_BUT_CAPPED) == resume(6, 9)
    assert scheduler.handle(FREE_BUT_CAPPED) == ()

    for level in range(4, 10):
        assert scheduler.handle(reported(6, level, 0.0)) == ()
    assert scheduler.handle(completed(6)) == ()
    assert scheduler.handle(FREE_BUT_CAPPED) == ()


def test_the_highest_rung_comes_first_and_a_new_trial_last() -> None:
    scheduler = asha()
    first_rung(scheduler, range(12))
    for trial in range(3):
        assert scheduler.handle(FREE) == resume(trial, 3)
    for trial in range(3):
        assert scheduler.handle(reported(trial, 3, float(trial))) == pause(trial)

    # Level 3 has one place for its three losses, level 1 a fourth one for its twelve.
    assert scheduler.handle(FREE) == resume(0, 9)
    assert scheduler.handle(FREE) == resume(3, 3)
    assert scheduler.handle(FREE) == start(12, 1)


def test_a_trial_is_promoted_once_from_a_rung_however_good_it_stays() -> None:
    scheduler = asha()
    first_rung(scheduler, [0.1, 0.5, 0.6])
    assert scheduler.handle(FREE) == resume(0, 3)
    assert scheduler.handle(reported(0, 3, 0.1)) == pause(0)
    assert scheduler.handle(FREE_BUT_CAPPED) == ()


def test_diverged_trials_never_move_up_and_make_no_room_above_the_rest() -> None:
    scheduler = asha()
    first_rung(scheduler, [math.nan, math.inf, -math.inf, 0.5, math.nan, math.nan])
    # Six losses: two places. One finite loss: the second place stays empty.
    assert scheduler.handle(FREE_BUT_CAPPED) == resume(3, 3)
    assert scheduler.handle(FREE_BUT_CAPPED) == ()


def test_of_equal_losses_the_earlier_report_moves_up() -> None:
    scheduler = asha()
    for _ in range(3):
        scheduler.handle(FREE)
    for trial in (2, 0, 1):
        scheduler.handle(reported(trial, 1, 0.5))
    assert scheduler.handle(FREE) == resume(2, 3)


def test_a_trial_that_fails_while_paused_never_moves_up_and_keeps_its_place() -> None:
    scheduler = asha()
    first_rung(scheduler, [0.1, 0.5, 0.6])
    assert scheduler.handle(failed(0)) == ()
    # The one place of three is that of the 0.1, which cannot take it.
    assert scheduler.handle(FREE_BUT_CAPPED) == ()

    for trial in (3, 4, 5):
        assert scheduler.handle(FREE) == start(trial, 1)
    for trial in (3, 4, 5):
        scheduler.handle(reported(trial, 1, 0.9))
    assert scheduler.handle(FREE_BUT_CAPPED) == resume(1, 3)


def test_a_failed_trial_frees_its_slot_and_its_late_report_counts_nowhere() -> None:
    scheduler = asha()
    first_rung(scheduler, [0.5, 0.6])
    assert scheduler.handle(FREE) == start(2, 1)
    assert scheduler.handle(failed(2)) == ()
    assert scheduler.handle(reported(2, 1, 0.1)) == ()
    assert scheduler.handle(FREE) == start(3, 1)


def test_a_report_of_a_paused_trial_counts_nowhere() -> None:
    scheduler = asha()
    first_rung(scheduler, [0.5])
    assert scheduler.handle(reported(0, 3, 0.5)) == ()
    assert scheduler.handle(FREE) == start(1, 1)


def test_a_trial_that_skipped_a_level_goes_on_from_the_one_it_passed() -> None:
    scheduler = AshaPromotion(Numbered(), levels=(1, 3, 9, 27), reduction_factor=2)
    for trial in range(2):
        scheduler.handle(FREE)
        assert scheduler.handle(reported(trial, 4, 0.5)) == pause(trial)
    assert scheduler.handle(FREE) == resume(0, 9)


def test_nothing_is_left_to_do_once_the_space_is_used_up() -> None:
    scheduler = asha(size=2)
    first_rung(scheduler, [0.5, 0.6])
    assert scheduler.handle(FREE) == ()


def test_its_levels_end_below_the_last_and_without_any_it_never_pauses() -> None:
    assert (asha().levels, asha().pauses) == ((1, 3), True)
    assert (asha((9,)).levels, asha((9,)).pauses) == ((), False)
    assert asha((9,)).handle(FREE) == start(0, 9)


def test_levels_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(UsageError, match="rung_levels is 3, 1"):
        asha((3, 1))
