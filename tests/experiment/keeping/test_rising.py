"""How likely a paused trial is to be resumed."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.keeping.rising import chance_to_rise, removal_order
from pytest_synebench.trial import Report, TrialId, TrialState


@pytest.mark.parametrize("total", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("eta", [2, 3])
def test_it_is_the_share_of_all_orders_in_which_it_is_among_the_best(total: int, eta: int) -> None:
    for count in range(1, total + 1):
        for better in range(count // eta, count):
            fits = rises = 0
            for order in permutations(range(total)):
                rank = sorted(order[:count]).index(order[0])
                if rank == better:
                    fits += 1
                    rises += order[0] < total // eta
            found = chance_to_rise(better, count, total, eta)
            assert found == pytest.approx(rises / fits), (better, count)


COUNTS = st.tuples(st.integers(1, 300), st.integers(0, 3000), st.integers(2, 5))


@given(counts=COUNTS, data=st.data())
def test_it_is_a_probability_and_a_better_loss_has_no_lower_one(
    counts: tuple[int, int, int], data: st.DataObject
) -> None:
    count, later, eta = counts
    better = data.draw(st.integers(0, count - 1))
    found = chance_to_rise(better, count, count + later, eta)
    assert 0.0 <= found <= 1.0
    if better:
        assert chance_to_rise(better - 1, count, count + later, eta) >= found - 1e-9
    if better < count // eta:
        assert found == 1.0
    if not later and better >= count // eta:
        assert found == 0.0


def paused(number: int, *losses: float) -> TrialRecord:
    """Return a trial that had these losses at the levels 1, 3, 9."""
    reports = [
        Report(trial_id=TrialId(number), resource=level, loss=loss, at_s=0.0)
        for level, loss in zip((1, 3, 9), losses, strict=False)
    ]
    return TrialRecord(TrialId(number), {}, None, state=TrialState.PAUSED, reports=reports)


def order(*trials: TrialRecord, num_trials: int = 9) -> list[int]:
    return list(
        removal_order(trials, trials, levels=(1, 3, 9), num_trials=num_trials, reduction_factor=3)
    )


def test_the_worst_of_a_level_go_first_and_what_diverged_before_all() -> None:
    trials = [paused(0, 0.5), paused(1, 0.9), paused(2, math.nan), paused(3, 0.1)]
    assert order(*trials) == [2, 1, 0, 3]


def test_of_equal_chances_what_took_the_fewest_levels_goes_first() -> None:
    # Nine are all there will be; of three in the upper level one moves up, and it is not there yet.
    lower = [paused(n, 0.1 * n) for n in range(3, 9)]
    upper = [paused(0, 0.0, 0.5), paused(1, 0.1, 0.6), paused(2, 0.2, 0.4)]
    found = order(*lower, *upper)
    assert set(found[:6]) == set(range(3, 9)), "none of them moves up any more"
    assert found[-1] == 2
    assert found[6:8] == [0, 1]


def test_in_the_end_exactly_those_that_move_up_are_left() -> None:
    trials = [paused(n, float(n)) for n in range(9)]
    assert set(order(*trials)[-3:]) == {0, 1, 2}
