from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.schedulers.halving.ranking import CRITERIA, agrees, noise, spread

LOSSES = st.lists(st.floats(0, 1) | st.just(math.inf), max_size=8)


@given(lower=LOSSES, data=st.data())
def test_equal_rankings_agree_and_with_infinite_patience_all_do(
    lower: list[float], data: st.DataObject
) -> None:
    assert agrees(lower, lower, 0.0)
    upper = data.draw(st.permutations(lower))
    finite = [loss if math.isfinite(loss) else 9.0 for loss in lower]
    assert agrees(finite, upper, math.inf)


def test_two_that_changed_places_disagree_unless_they_are_as_near_as_epsilon() -> None:
    # Lower rung: a 0.1, b 0.2, c 0.5; in the upper one b leads.
    lower, upper = [0.1, 0.2, 0.5], [0.3, 0.2, 0.9]
    assert not agrees(lower, upper, 0.0)
    assert not agrees(lower, upper, 0.09)
    assert agrees(lower, upper, 0.11)


def test_a_place_is_compared_with_who_stood_there_not_with_a_neighbour() -> None:
    # c has come from the third place to the first: a and c were 0.4 apart.
    lower, upper = [0.1, 0.2, 0.5], [0.2, 0.3, 0.1]
    assert not agrees(lower, upper, 0.35)
    assert agrees(lower, upper, 0.45)


def test_diverged_losses_stand_last_and_are_equal_to_one_another() -> None:
    assert agrees([0.1, math.inf, math.inf], [0.2, math.inf, math.inf], 0.0)
    assert not agrees([0.1, math.inf], [math.inf, 0.1], 0.5)


@pytest.mark.parametrize(
    ("differences", "distance"),
    [
        ([0.2, -0.1, 0.5], 0.5),  # crossed, and crossed back
        ([0.2, 0.1, -0.5], None),  # crossed once
        ([0.2, 0.1, 0.5], None),
        ([0.2, 0.0, 0.5], None),  # a tie is no crossing
        ([0.2, -0.1, 0.0], None),  # nor is one at the end an order
        ([-0.5, 0.2, 0.1, -0.3, 0.1, -0.25], 0.25),
        ([], None),
        ([0.2, -0.1, math.inf], None),
    ],
)
def test_curves_that_cross_and_cross_back_show_how_large_the_noise_is(
    differences: list[float], distance: float | None
) -> None:
    one = {level: 1.0 + d for level, d in enumerate(differences, 1)}
    two = dict.fromkeys(one, 1.0) | {99: 0.0}
    found = noise(one, two)
    assert found is None if distance is None else found == pytest.approx(distance)
    assert noise(two, one) == found


def test_the_criteria_that_look_at_the_spread() -> None:
    losses = [0.1, 0.2, 0.4, math.inf]
    assert spread("soft_ranking_std", losses) == pytest.approx(0.12472, abs=1e-5)
    assert spread("soft_ranking_median_dst", losses) == pytest.approx(0.2)
    assert spread("soft_ranking_mean_dst", losses) == pytest.approx(0.2)
    assert spread("direct_ranking", losses) == 0.0
    assert [spread(criterion, [0.1]) for criterion in CRITERIA] == [0.0] * 5
