from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

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
    stop,
)

from pytest_synebench.errors import UsageError
from pytest_synebench.events import (
    Decision,
    Ended,
    Event,
    Pause,
    Reported,
    Resume,
    SlotFreed,
    Start,
    Stop,
)
from pytest_synebench.schedulers.population.pbt import Pbt, Selection
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace, randint, uniform
from pytest_synebench.testing.game import Rules
from pytest_synebench.testing.scheduler_suite import SchedulerSuite
from pytest_synebench.trial import CheckpointRef, TrialId

SPACE = ConfigSpace({"lr": uniform(0, 1)})


class PopulationRules(Rules):
    """The rules of selection, spelt out over the list of members. Which copy is drawn is chance."""

    def __init__(self, size: int, interval: int, fraction: float, rule: str) -> None:
        self.size, self.interval, self.fraction = size, interval, fraction
        self.theirs = rule == "syne_tune"
        self.until: dict[TrialId, int] = {}  #: of members
        self.losses: dict[TrialId, float] = {}  #: of members that have reported: the last one
        self.inherited: dict[TrialId, float] = {}  #: of copies: their parents' losses there
        self.levels: dict[TrialId, int] = {}  #: of members that were compared: where
        self.there: dict[TrialId, float] = {}  #: and with what loss
        self.stopped = 0
        self.copies = 0
        self.capped = False

    def see(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        match event:
            case SlotFreed(may_start=may_start):
                self.capped = not may_start
                for decision in decisions:
                    self.see_run(decision)
            case Reported(report=report):
                self.see_report(report.trial_id, report.resource, report.loss, decisions)
            case Ended(trial_id=trial_id):
                self.forget(trial_id)
        assert len(self.until) <= self.size, "more members than the population has"

    def see_run(self, decision: Decision) -> None:
        if isinstance(decision, Start):
            ref = decision.checkpoint
            if ref is not None:
                self.copies += 1
                assert self.copies <= self.stopped, "a copy of nobody's place"
                assert ref.trial_id in self.best(), f"{ref} is none of {self.losses}"
                assert ref.level == self.levels[ref.trial_id]
            level = ref.level if ref else 0
            until = level + 1 if ref and self.theirs else self.after(level)
            self.until[decision.trial_id] = until
            assert decision.until == until
        elif isinstance(decision, Resume):
            self.until[decision.trial_id] = self.after(self.levels[decision.trial_id])
            assert decision.until == self.until[decision.trial_id]

    def found(self, start: Start) -> None:
        ref = start.checkpoint
        if ref is not None and ref.level == self.levels[ref.trial_id]:
            self.inherited[start.trial_id] = self.there[ref.trial_id]

    def see_report(
        self, trial: TrialId, level: int, loss: float, decisions: tuple[Decision, ...]
    ) -> None:
        self.losses[trial] = loss if math.isfinite(loss) else math.inf
        if not self.until[trial] <= level < 9:
            assert decisions == ()
            return
        self.levels[trial], self.there[trial] = level, self.losses[trial]
        known = {one: loss for one, loss in self.inherited.items() if one in self.until}
        known |= self.losses
        better = sorted(known, key=lambda one: (known[one], one)).index(trial)
        size = len(known) if self.theirs else self.size
        bad = better >= size - self.count(size)
        if bad and not self.capped:
            assert decisions == (Stop(trial_id=trial),)
            self.stopped += 1
            self.forget(trial)
        else:
            assert decisions == (Pause(trial_id=trial),)

    def count(self, size: int) -> int:
        return min(math.ceil(self.fraction * size), size // 2)

    def best(self) -> list[TrialId]:
        able = sorted(self.levels, key=lambda trial: (self.losses[trial], trial))
        return able[: max(1, self.count(self.size))]

    def after(self, level: int) -> int:
        return min((level // self.interval + 1) * self.interval, 9)

    def forget(self, trial: TrialId) -> None:
        for known in (self.until, self.losses, self.levels):
            known.pop(trial, None)


class TestPbt(SchedulerSuite):
    always_starts = False  # more slots than members: some stay idle
    moves = 30
    size, interval, fraction, rule = 4, 2, 0.25, "paper"

    def make(self, seed: int) -> Scheduler:
        selection = Selection(
            population_size=self.size,
            perturbation_interval=self.interval,
            quantile_fraction=self.fraction,
            rule=self.rule,
        )
        searcher = RandomSearch(SPACE, seed=seed)
        return Pbt(searcher, space=SPACE, max_resource=9, selection=selection, seed=seed)

    def rules(self) -> Rules:
        return PopulationRules(self.size, self.interval, self.fraction, self.rule)


@pytest.mark.proof  # TestPbt is a sample
class TestPbtOfTwo(TestPbt):
    size, interval, fraction = 2, 1, 0.5


class TestPbtOfSyneTune(TestPbt):
    size, interval, fraction, rule = 5, 3, 0.25, "syne_tune"


NUMBERS = ConfigSpace({"number": randint(0, 10**6)})


def pbt(size: int = 4, **selection: Any) -> Pbt:
    chosen = {"population_size": size, "perturbation_interval": 2, "quantile_fraction": 0.25}
    return Pbt(
        Numbered(),
        space=NUMBERS,
        max_resource=9,
        selection=Selection(**(chosen | selection)),
        seed=3,
    )


def four_at_level_2(losses: tuple[float, ...] = (0.1, 0.2, 0.3)) -> Pbt:
    """Return one in which three members wait at level 2, and trial 3 runs towards it."""
    scheduler = pbt()
    for trial in range(4):
        assert scheduler.handle(FREE) == start(trial, 2)
    for trial, loss in enumerate(losses):
        assert scheduler.handle(reported(trial, 2, loss)) == pause(trial)
    return scheduler


def copied(scheduler: Pbt) -> Start:
    (decision,) = scheduler.handle(FREE)
    assert isinstance(decision, Start)
    assert decision.checkpoint is not None
    return decision


def test_the_worst_of_four_goes_on_as_a_copy_of_the_best_with_a_config_near_its() -> None:
    # Truncation selection: a quarter of four is one, at either end.
    scheduler = pbt(resample_probability=0.0)
    for _ in range(4):
        scheduler.handle(FREE)
    for trial, loss in [(3, 0.1), (1, 0.2), (2, 0.3)]:
        assert scheduler.handle(reported(trial, 1, loss)) == ()
        assert scheduler.handle(reported(trial, 2, loss)) == pause(trial)
    assert scheduler.handle(reported(0, 2, 0.4)) == stop(0)
    copy = copied(scheduler)
    assert copy.trial_id == 4
    assert copy.checkpoint == CheckpointRef(trial_id=TrialId(3), level=2, sha256="")
    assert copy.config in ({"number": 4}, {"number": 2}), "3 times 1.2, or 0.8, in whole numbers"
    assert copy.until == 4


def test_who_is_not_among_the_worst_waits_and_goes_on_the_lowest_level_first() -> None:
    scheduler = four_at_level_2((0.1, 0.4, 0.3))
    assert scheduler.handle(FREE) == resume(0, 4)
    assert scheduler.handle(reported(3, 2, 0.2)) == pause(3)
    assert scheduler.handle(reported(0, 4, 0.1)) == pause(0)
    # 1, 2 and 3 wait at level 2, in this order; 0 at level 4.
    resumed = [scheduler.handle(FREE) for _ in range(4)]
    assert resumed == [resume(1, 4), resume(2, 4), resume(3, 4), resume(0, 6)]


def test_of_two_the_worse_one_is_stopped_as_soon_as_both_have_a_loss() -> None:
    scheduler = pbt(2, quantile_fraction=0.5)
    for trial in range(2):
        assert scheduler.handle(FREE) == start(trial, 2)
    assert scheduler.handle(reported(1, 2, 0.5)) == pause(1)
    assert scheduler.handle(reported(0, 2, 0.6)) == stop(0)
    assert copied(scheduler).checkpoint == CheckpointRef(trial_id=TrialId(1), level=2, sha256="")


def test_a_copy_is_of_the_best_ones_last_level_when_it_starts() -> None:
    scheduler = pbt(2, quantile_fraction=0.5)
    for _ in range(2):
        scheduler.handle(FREE)
    scheduler.handle(reported(1, 2, 0.5))
    assert scheduler.handle(FREE) == resume(1, 4)
    assert scheduler.handle(reported(0, 2, 0.6)) == stop(0)
    assert scheduler.handle(reported(1, 4, 0.4)) == pause(1)
    copy = copied(scheduler)
    assert copy.checkpoint == CheckpointRef(trial_id=TrialId(1), level=4, sha256="")
    assert copy.until == 6


@pytest.mark.parametrize(("level", "until"), [(1, 4), (0, 4)])
def test_a_copy_is_compared_at_its_stop_level_whatever_the_tuner_found_for_it(
    level: int, until: int
) -> None:
    scheduler = pbt(2, quantile_fraction=0.5)
    for _ in range(2):
        scheduler.handle(FREE)
    scheduler.handle(reported(1, 2, 0.5))
    scheduler.handle(reported(0, 2, 0.6))
    (decided,) = scheduler.decide(FREE)
    assert isinstance(decided, Start)
    ref = CheckpointRef(trial_id=TrialId(1), level=level, sha256="ab") if level else None
    scheduler.fold(FREE, (replace(decided, checkpoint=ref),))
    # Not at the multiple before, which it may pass on its way from an earlier checkpoint.
    assert scheduler.handle(FREE) == resume(1, 4)
    assert scheduler.handle(reported(2, 2, 9.0)) == ()
    assert scheduler.handle(reported(2, until, 9.0)) == stop(2)


def test_an_ended_member_makes_room_for_a_new_one() -> None:
    scheduler = pbt(2)
    for _ in range(2):
        scheduler.handle(FREE)
    assert scheduler.handle(FREE) == ()
    assert scheduler.handle(failed(0)) == ()
    assert scheduler.handle(FREE) == start(2, 2)
    assert scheduler.handle(reported(1, 9, 0.1)) == ()
    assert scheduler.handle(completed(1)) == ()
    assert scheduler.handle(FREE) == start(3, 2)


def test_who_has_no_loss_yet_counts_as_behind() -> None:
    scheduler = pbt()
    for _ in range(4):
        scheduler.handle(FREE)
    # Each of them was the worst when it came, and none was the worst of four.
    for trial, loss in enumerate([0.1, 0.2, 0.3]):
        assert scheduler.handle(reported(trial, 2, loss)) == pause(trial)


def test_a_copy_has_its_parents_loss_until_it_has_its_own() -> None:
    scheduler = four_at_level_2((0.1, 0.2, 0.3))
    assert scheduler.handle(reported(3, 2, 0.4)) == stop(3)
    copied(scheduler)
    assert scheduler.handle(FREE) == resume(0, 4)
    # Behind trials 0 and 1, and behind the copy, which has not reported yet.
    assert scheduler.handle(FREE) == resume(1, 4)
    assert scheduler.handle(FREE) == resume(2, 4)
    assert scheduler.handle(reported(2, 4, 0.25)) == stop(2)
    # A copy that has not reported is not copied: there is no checkpoint of it.
    assert copied(scheduler).checkpoint == CheckpointRef(trial_id=TrialId(0), level=2, sha256="")


def test_a_member_ranks_by_what_it_reported_last_wherever_that_was() -> None:
    # Algorithm 1 updates the population after each step, ready to exploit or not.
    scheduler = four_at_level_2((0.4, 0.2, 0.3))
    assert scheduler.handle(FREE) == resume(0, 4)
    assert scheduler.handle(reported(0, 3, 0.1)) == ()
    assert scheduler.handle(reported(3, 2, 0.35)) == stop(3)
    # The best by now, copied from where it was compared; there the copy has the loss that it had.
    assert copied(scheduler).checkpoint == CheckpointRef(trial_id=TrialId(0), level=2, sha256="")
    assert scheduler.handle(FREE) == resume(1, 4)
    assert scheduler.handle(reported(1, 4, 0.38)) == pause(1), "0 and 2 are ahead, the copy is not"


def test_syne_tune_compares_shares_of_those_with_a_loss_and_copies_at_once() -> None:
    scheduler = pbt(rule="syne_tune")
    assert scheduler.levels == (2, 3, 4, 5, 6, 7, 8)
    for trial in range(4):
        assert scheduler.handle(FREE) == start(trial, 2)
    assert scheduler.handle(reported(0, 2, 0.1)) == pause(0), "alone"
    assert scheduler.handle(reported(1, 2, 0.2)) == stop(1), "the worse of two"
    copy = copied(scheduler)
    assert (copy.trial_id, copy.until) == (4, 3)
    # Of 0, 2 and the copy, which has its parent's loss, a quarter is one: the worst is stopped.
    assert scheduler.handle(reported(2, 2, 0.05)) == pause(2)
    assert scheduler.handle(reported(4, 3, 0.09)) == pause(4)
    assert scheduler.handle(FREE) == resume(0, 4)
    assert scheduler.handle(FREE) == resume(2, 4)
    assert scheduler.handle(FREE) == resume(4, 4)


def test_a_diverged_member_is_the_worst() -> None:
    scheduler = four_at_level_2((0.1, 0.2, 0.3))
    assert scheduler.handle(reported(3, 2, math.nan)) == stop(3)
    assert copied(scheduler).trial_id == 4


def test_of_equal_losses_the_earlier_trial_is_better() -> None:
    scheduler = pbt(2, quantile_fraction=0.5)
    for _ in range(2):
        scheduler.handle(FREE)
    assert scheduler.handle(reported(1, 2, 0.5)) == pause(1)
    assert scheduler.handle(reported(0, 2, 0.5)) == pause(0)


def test_once_no_trial_may_start_nobody_is_stopped_any_more() -> None:
    scheduler = four_at_level_2()
    assert scheduler.handle(FREE_BUT_CAPPED) == resume(0, 4)
    assert scheduler.handle(reported(3, 2, 9.0)) == pause(3)


def test_without_anybody_to_copy_a_new_member_starts() -> None:
    scheduler = pbt(2, quantile_fraction=0.5)
    for _ in range(2):
        scheduler.handle(FREE)
    scheduler.handle(reported(1, 2, 0.5))
    assert scheduler.handle(reported(0, 2, 0.6)) == stop(0)
    scheduler.handle(failed(1))
    assert scheduler.handle(FREE) == start(2, 2)
    assert scheduler.handle(FREE) == start(3, 2)


def test_the_same_seed_draws_the_same_copies_and_another_one_others() -> None:
    def copies(seed: int) -> list[Decision]:
        selection = Selection(population_size=8, perturbation_interval=1, quantile_fraction=0.5)
        searcher = RandomSearch(SPACE, seed=0)
        made = Pbt(searcher, space=SPACE, max_resource=9, selection=selection, seed=seed)
        for _ in range(8):
            made.handle(FREE)
        for trial in range(8):
            made.handle(reported(trial, 1, float(trial)))
        return [decision for _ in range(4) for decision in made.handle(FREE)]

    assert copies(0) == copies(0) != copies(1)


def test_its_levels_are_the_multiples_of_the_interval_below_the_last() -> None:
    assert (pbt().levels, pbt().pauses) == ((2, 4, 6, 8), True)
    tenth = Pbt(Numbered(), space=NUMBERS, max_resource=35)
    assert tenth.levels == tuple(range(3, 35, 3))


@pytest.mark.parametrize(
    ("selection", "text"),
    [
        ({"population_size": 1}, "population_size is 1; it must be from 2 up"),
        ({"perturbation_interval": 0}, "perturbation_interval is 0; it must be from 1 up"),
        ({"perturbation_interval": 9}, "perturbation_interval is 9; it must be below max_resource"),
        ({"quantile_fraction": 0.6}, r"quantile_fraction is 0\.6; it must be from 0 to 0\.5"),
        ({"resample_probability": -1}, "resample_probability is -1; it must be from 0 to 1"),
        ({"rule": "ray"}, "pbt_rule is 'ray'; it must be paper or syne_tune"),
    ],
)
def test_a_selection_that_is_none_is_refused(selection: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        pbt(
            **{"size": 4}
            | {"size" if k == "population_size" else k: v for k, v in selection.items()}
        )
