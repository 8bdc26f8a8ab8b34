from __future__ import annotations

from collections import Counter

import pytest
from by_hand import FREE, FREE_BUT_CAPPED, Numbered, pause, reported, resume

from pytest_synebench.errors import UsageError
from pytest_synebench.events import Start
from pytest_synebench.schedulers.halving.asha_promotion import AshaPromotion
from pytest_synebench.schedulers.halving.brackets import Brackets, shares
from pytest_synebench.trial import TrialId

LEVELS = (1, 3, 9, 27, 81)


def test_the_shares_are_those_of_table_1_of_the_paper_before_they_are_rounded() -> None:
    # R=81, eta=3: n = 81, 34, 15, 8, 5 are the ceilings of 81, 33.75, 15, 7.5, 5.
    configs = [81, 33.75, 15, 7.5, 5]
    assert shares(LEVELS, 5) == pytest.approx([n / sum(configs) for n in configs])
    assert shares(LEVELS, 2) == pytest.approx([81 / 114.75, 33.75 / 114.75])


def test_the_bracket_of_a_trial_depends_on_seed_and_trial_alone() -> None:
    one, two = (Brackets(LEVELS, 3, brackets=5, seed=7) for _ in range(2))
    drawn = [one.draw(TrialId(i)) for i in range(50)]
    assert [two.draw(TrialId(i)) for i in reversed(range(50))] == drawn[::-1]
    other = Brackets(LEVELS, 3, brackets=5, seed=8)
    assert [other.draw(TrialId(i)) for i in range(50)] != drawn


def test_brackets_are_drawn_by_their_shares() -> None:
    made, trials = Brackets(LEVELS, 3, brackets=5, seed=0), 4000
    counted = Counter(made.draw(TrialId(i)) for i in range(trials))
    for bracket, share in enumerate(shares(LEVELS, 5)):
        # The seed is fixed, so this cannot fail by chance: it held when it was written. Five
        # standard deviations: one in 3 million seeds would not.
        deviation = (trials * share * (1 - share)) ** 0.5
        assert abs(counted[bracket] - trials * share) < 5 * deviation


def test_one_bracket_draws_nothing() -> None:
    made = Brackets(LEVELS, 3)
    assert {made.draw(TrialId(i)) for i in range(50)} == {0}
    assert made.first_level(TrialId(3)) == 1


@pytest.mark.parametrize("brackets", [0, 6])
def test_more_brackets_than_levels_are_refused(brackets: int) -> None:
    with pytest.raises(UsageError, match=rf"brackets is {brackets}; .* 1, 3, 9, 27, 81 .* to 5"):
        Brackets(LEVELS, 3, brackets=brackets)


@pytest.mark.parametrize("apart", [False, True])
def test_trials_of_two_brackets_meet_unless_each_has_rungs_of_its_own(apart: bool) -> None:
    made = Brackets((2, 4, 8), 2, brackets=2, apart=apart, seed=0)
    low = next(t for t in range(20) if made.draw(TrialId(t)) == 0)
    high = next(t for t in range(20) if made.draw(TrialId(t)) == 1)
    for trial in (low, high):
        made.enter(TrialId(trial))
    low_ladder, high_ladder = made.ladder(TrialId(low)), made.ladder(TrialId(high))
    low_ladder.fold(reported(low, 2, 0.1).report)
    low_ladder.fold(reported(low, 4, 0.1).report)
    high_ladder.fold(reported(high, 4, 0.2).report)
    rung = high_ladder.place(TrialId(high))
    assert rung is not None
    assert rung.size == (1 if apart else 2)


def test_of_two_brackets_with_rungs_of_their_own_the_highest_rung_comes_first() -> None:
    scheduler = AshaPromotion(
        Numbered(),
        levels=(1, 2, 4),
        reduction_factor=2,
        brackets=2,
        rung_system_per_bracket=True,
        seed=0,
    )
    level_of: dict[int, int | None] = {}
    while Counter(level_of.values())[2] < 2 or Counter(level_of.values())[1] < 2:
        (decision,) = scheduler.handle(FREE)
        assert isinstance(decision, Start)
        level_of[decision.trial_id] = decision.until
    for trial, level in level_of.items():
        loss = float(trial)
        assert scheduler.handle(reported(trial, level or 0, loss)) == pause(trial)
    first_high = next(trial for trial, level in level_of.items() if level == 2)
    first_low = next(trial for trial, level in level_of.items() if level == 1)
    highs = sum(level == 2 for level in level_of.values()) // 2
    promoted = [scheduler.handle(FREE_BUT_CAPPED) for _ in range(highs + 1)]
    assert promoted[0] == resume(first_high, 4)
    assert promoted[highs] == resume(first_low, 2)
