from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.errors import UsageError
from pytest_synebench.schedulers.halving.rungs import Rung, explicit_levels, rung_levels
from pytest_synebench.testing.strategies import LOSSES
from pytest_synebench.trial import TrialId

FACTORS = st.integers(2, 5)
MANY_LOSSES = st.lists(LOSSES, max_size=40)


def test_243_by_3_does_not_lose_a_rung() -> None:
    assert rung_levels(1, 243, 3) == (1, 3, 9, 27, 81, 243)


@pytest.mark.parametrize(("power", "factor"), [(5, 9), (3, 10), (40, 3)])
def test_powers_are_exact(power: int, factor: int) -> None:
    assert rung_levels(1, factor**power, factor) == tuple(factor**k for k in range(power + 1))


@given(min_resource=st.integers(1, 50), extra=st.integers(0, 2000), factor=st.integers(2, 12))
def test_levels_multiply_from_first_to_last(min_resource: int, extra: int, factor: int) -> None:
    levels = rung_levels(min_resource, min_resource + extra, factor)
    assert levels[0] == min_resource
    assert levels[-1] == min_resource + extra
    assert all(b == a * factor for a, b in pairwise(levels[:-1]))
    # The step to max_resource itself is never a longer one.
    assert len(levels) == 1 or levels[-2] < levels[-1] <= levels[-2] * factor


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0, 9, 3), r"min_resource \(grace_period\) is 0; it must be an integer from 1 up"),
        ((1.5, 9, 3), r"min_resource \(grace_period\) is 1.5; it must be an integer"),
        ((1, 0, 3), r"max_resource \(the benchmark's last level\) is 0; it must be an integer"),
        ((10, 9, 3), r"grace_period\) is 10; it must be at most max_resource, .* which is 9"),
        ((1, 9, 1), "reduction_factor is 1; it must be an integer from 2 up"),
        ((1, 9, 3.0), "reduction_factor is 3.0; it must be an integer from 2 up"),
        ((True, 9, 3), r"min_resource \(grace_period\) is True; it must be an integer"),
    ],
)
def test_what_gives_no_levels_is_refused(arguments: tuple[int, int, int], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        rung_levels(*arguments)


def test_listed_levels_end_with_the_last_one() -> None:
    assert explicit_levels([2, 5], 9) == (2, 5, 9)
    assert explicit_levels([2, 9], 9) == (2, 9)


@pytest.mark.parametrize(
    ("levels", "text"),
    [
        ([1, 3, 3], "rung_levels is 1, 3, 3; give levels that ascend, such as 1,3,9"),
        ([], "rung_levels is empty; give levels that ascend, such as 1,3,9"),
        ([0, 3], "a level of rung_levels is 0; it must be an integer from 1 up"),
        ([1, 10], "rung_levels ends with 10; no level may be above max_resource, .* which is 9"),
    ],
)
def test_listed_levels_that_are_none_are_refused(levels: list[int], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        explicit_levels(levels, 9)


def ranked(losses: list[float]) -> list[int]:
    """Return the trials, best first: the rule, spelt out."""
    return sorted(
        range(len(losses)), key=lambda i: (not math.isfinite(losses[i]), _ordered(losses[i]), i)
    )


def _ordered(loss: float) -> float:
    return loss if math.isfinite(loss) else 0.0


@given(losses=MANY_LOSSES, factor=FACTORS)
def test_promotable_is_exactly_who_waits_with_a_finite_loss_in_the_top(
    losses: list[float], factor: int
) -> None:
    rung = Rung(1, factor)
    for trial, loss in enumerate(losses):
        rung.add(TrialId(trial), loss)
        rung.wait(TrialId(trial))

    promoted = []
    while (best := rung.best_promotable()) is not None:
        rung.leave(best)
        promoted.append(best)
    top = ranked(losses)[: len(losses) // factor]
    assert promoted == [trial for trial in top if math.isfinite(losses[trial])]


@given(
    losses=MANY_LOSSES,
    factor=FACTORS,
    data=st.data(),
)
def test_promotable_stays_right_while_trials_come_and_go(
    losses: list[float], factor: int, data: st.DataObject
) -> None:
    rung, waiting = Rung(1, factor), set()
    for trial, loss in enumerate(losses):
        rung.add(TrialId(trial), loss)
        if data.draw(st.booleans()):
            rung.wait(TrialId(trial))
            waiting.add(trial)
        if data.draw(st.booleans()):
            gone = data.draw(st.integers(0, trial))
            rung.leave(TrialId(gone))
            waiting.discard(gone)
        seen = losses[: trial + 1]
        top = ranked(seen)[: len(seen) // factor]
        due = [t for t in top if t in waiting and math.isfinite(losses[t])]
        assert rung.best_promotable() == (due[0] if due else None)


@given(losses=MANY_LOSSES, loss=LOSSES, factor=FACTORS)
def test_a_loss_continues_exactly_if_too_few_are_better(
    losses: list[float], loss: float, factor: int
) -> None:
    rung = Rung(1, factor)
    for trial, other in enumerate(losses):
        rung.add(TrialId(trial), other)

    better = sum(other < loss for other in losses if math.isfinite(other))
    places = max(1, (len(losses) + 1) // factor)
    assert rung.continues(loss) == (math.isfinite(loss) and better < places)
    assert rung.size == len(losses)


def test_of_equal_losses_the_earlier_is_promoted_and_each_continues() -> None:
    rung = Rung(1, 3)
    for trial in range(3):
        assert rung.continues(0.5)
        rung.add(TrialId(trial), 0.5)
        rung.wait(TrialId(trial))
    assert rung.best_promotable() == TrialId(0)


def test_a_trial_that_left_from_behind_the_best_is_not_promotable_later() -> None:
    rung = Rung(1, 2)
    for trial in range(4):
        rung.add(TrialId(trial), float(trial))
        rung.wait(TrialId(trial))
    rung.leave(TrialId(1))
    assert rung.best_promotable() == TrialId(0)
    rung.leave(TrialId(0))
    # Two places, and both trials in them have left; the third-best is not in the top.
    assert rung.best_promotable() is None


def test_infinitely_good_is_not_finite_and_ranks_last() -> None:
    rung = Rung(1, 2)
    for trial, loss in enumerate([-math.inf, 0.5]):
        rung.add(TrialId(trial), loss)
        rung.wait(TrialId(trial))
    assert rung.best_promotable() == TrialId(1)


class CountedLoss(float):
    """Counts how often it is compared."""

    compared = 0

    def __lt__(self, other: float) -> bool:
        CountedLoss.compared += 1
        return float(self) < float(other)

    def __le__(self, other: float) -> bool:
        CountedLoss.compared += 1
        return float(self) <= float(other)

    def __ge__(self, other: float) -> bool:
        CountedLoss.compared += 1
        return float(self) >= float(other)

    def __eq__(self, other: object) -> bool:
        CountedLoss.compared += 1
        return float(self) == other

    __hash__ = float.__hash__

    def __neg__(self) -> CountedLoss:
        return CountedLoss(-float(self))


def comparisons(act: Callable[[], object]) -> int:
    CountedLoss.compared = 0
    act()
    return CountedLoss.compared


@pytest.mark.parametrize("order", ["rising", "falling", "mixed"])
def test_an_event_costs_logarithmically_many_comparisons(order: str) -> None:
    size = 2**11
    rung, worst, question = Rung(1, 3), 0, 0
    for trial in range(size):
        number = {"rising": trial, "falling": -trial, "mixed": trial * 7919 % size}[order]
        loss, here = CountedLoss(number), TrialId(trial)
        question = max(question, comparisons(partial(rung.continues, loss)))
        worst = max(worst, comparisons(partial(rung.add, here, loss)))
        worst = max(worst, comparisons(partial(rung.wait, here)))
        question = max(question, comparisons(rung.best_promotable))
        best = rung.best_promotable()
        if best is not None:
            worst = max(worst, comparisons(partial(rung.leave, best)))
    # Four heap moves at most, each of log2(n) steps; a step compares two tuples: up to three times.
    assert question <= 3
    assert worst <= 4 * 3 * 2 * math.log2(size)
