from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from by_hand import FREE, FREE_BUT_CAPPED, Numbered, completed, failed, reported, start, stop

from pytest_synebench.errors import UsageError
from pytest_synebench.schedulers.halving.asha_stopping import AshaStopping
from pytest_synebench.schedulers.halving.brackets import Brackets
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace, loguniform
from pytest_synebench.testing.game import Rules
from pytest_synebench.testing.halving import StoppingRules
from pytest_synebench.testing.scheduler_suite import SchedulerSuite

SPACE = ConfigSpace({"lr": loguniform(1e-4, 1.0)})


class TestAshaStopping(SchedulerSuite):
    levels: tuple[int, ...] = (1, 3, 9)
    reduction_factor = 3

    def make(self, seed: int) -> Scheduler:
        searcher = RandomSearch(SPACE, seed=seed)
        return AshaStopping(searcher, levels=self.levels, reduction_factor=self.reduction_factor)

    def rules(self) -> Rules:
        return StoppingRules(self.levels, self.reduction_factor)


class TestAshaStoppingInBrackets(TestAshaStopping):
    levels = (1, 2, 4, 9)
    reduction_factor = 2
    brackets = 4
    apart = False
    #: Of its own games, one seed: the brackets of the trials must be known to the rules.
    seed = 5

    def make(self, seed: int) -> Scheduler:
        return AshaStopping(
            RandomSearch(SPACE, seed=seed),
            levels=self.levels,
            reduction_factor=self.reduction_factor,
            brackets=self.brackets,
            rung_system_per_bracket=self.apart,
            seed=self.seed,
        )

    def rules(self) -> Rules:
        drawn = Brackets(self.levels, 2, brackets=self.brackets, seed=self.seed).draw
        return StoppingRules(self.levels, self.reduction_factor, bracket_of=drawn, apart=self.apart)


class TestAshaStoppingInBracketsOfTheirOwn(TestAshaStoppingInBrackets):
    brackets = 2
    apart = True


class TestAshaStoppingByTwo(TestAshaStopping):
    levels = (1, 2, 4, 8, 9)
    reduction_factor = 2


class TestAshaStoppingWithoutRungs(TestAshaStopping):
    levels = (9,)
    games = 8


def asha(trials: int = 0, levels: Sequence[int] = (1, 3, 9)) -> AshaStopping:
    scheduler = AshaStopping(Numbered(), levels=levels, reduction_factor=3)
    for trial in range(trials):
        assert scheduler.handle(FREE) == start(trial, levels[-1])
    return scheduler


def stopped(scheduler: Scheduler, level: int, losses: Sequence[float]) -> list[int]:
    """Let trial i report losses[i]; return the trials that are stopped for it."""
    out = []
    for trial, loss in enumerate(losses):
        decisions = scheduler.handle(reported(trial, level, loss))
        assert decisions in ((), stop(trial))
        out += [trial] if decisions else []
    return out


def test_up_to_five_losses_only_the_best_so_far_goes_on_by_three() -> None:
    # floor(n/3) is 0 for two losses and 1 for three to five: there is one place.
    assert stopped(asha(5), 1, [0.5, 0.6, 0.4, 0.45, 0.3]) == [1, 3]


def test_the_sixth_loss_opens_a_second_place() -> None:
    losses = [0.5, 0.6, 0.7, 0.8, 0.9]
    assert stopped(asha(6), 1, [*losses, 0.55]) == [1, 2, 3, 4]
    assert stopped(asha(6), 1, [*losses, 0.65]) == [1, 2, 3, 4, 5]


def test_four_losses_by_three_leave_one_place_where_a_numpy_quantile_leaves_two() -> None:
    # np.quantile([.1, .2, .3, .4], 1/3) is 0.2, so Syne Tune would let the 0.2 go on.
    assert stopped(asha(4), 1, [0.1, 0.3, 0.4, 0.2]) == [1, 2, 3]


def test_equal_losses_fare_equally() -> None:
    assert stopped(asha(4), 1, [0.5, 0.5, 0.5, 0.6]) == [3]


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_diverged_trial_is_stopped_even_as_the_first_in_its_rung(loss: float) -> None:
    assert stopped(asha(2), 1, [loss, 0.9]) == [0]


def test_each_rung_is_met_once_and_nothing_is_stopped_between_two() -> None:
    scheduler = asha(1)
    for level, loss in enumerate([0.1, 9.0, 0.1, 9.0, math.nan, 9.0], 1):
        assert scheduler.handle(reported(0, level, loss)) == ()


def test_a_trial_is_compared_with_those_at_its_own_level() -> None:
    scheduler = asha(2)
    assert scheduler.handle(reported(0, 1, 0.5)) == ()
    assert scheduler.handle(reported(0, 3, 0.2)) == ()
    assert scheduler.handle(reported(1, 1, 0.4)) == ()
    assert scheduler.handle(reported(1, 3, 0.3)) == stop(1)


def test_a_stopped_trial_s_loss_stays_in_its_rung() -> None:
    scheduler = asha(6)
    assert stopped(scheduler, 1, [0.1, 0.2, 0.3, 0.4, 0.5, 0.2]) == [1, 2, 3, 4]
    # Without the stopped ones there would be two losses, hence one place, for the 0.2.
    scheduler = asha(6)
    assert stopped(scheduler, 1, [0.1, 0.2, 0.15, 0.4, 0.5, 0.2]) == [1, 2, 3, 4, 5]


def test_a_failed_trial_frees_its_slot_and_its_loss_stays() -> None:
    scheduler = asha(2)
    assert scheduler.handle(reported(0, 1, 0.1)) == ()
    assert scheduler.handle(failed(0)) == ()
    assert scheduler.handle(reported(1, 1, 0.2)) == stop(1)
    assert scheduler.handle(FREE_BUT_CAPPED) == ()
    assert scheduler.handle(FREE) == start(2, 9)


def test_a_late_report_of_a_stopped_trial_counts_nowhere() -> None:
    scheduler = asha(3)
    assert stopped(scheduler, 1, [0.1, 0.2]) == [1]
    assert scheduler.handle(reported(1, 3, 0.2)) == ()
    assert scheduler.handle(reported(0, 3, 0.3)) == ()


def test_at_its_last_level_nothing_is_stopped() -> None:
    scheduler = asha(2)
    assert stopped(scheduler, 9, [0.1, math.nan]) == []
    assert scheduler.handle(completed(1)) == ()


def test_it_never_pauses_and_acts_below_the_last_level() -> None:
    assert (asha().levels, asha().pauses) == ((1, 3), False)


def test_levels_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(UsageError, match="rung_levels is 3, 1"):
        asha(levels=(3, 1))
