from __future__ import annotations

import math

import pytest

from pytest_synebench.errors import UsageError
from pytest_synebench.schedulers.halving.ladder import Ladder
from pytest_synebench.trial import Report, TrialId

ONE = TrialId(1)


def report(resource: int) -> Report:
    return Report(trial_id=ONE, resource=resource, loss=0.5, at_s=0.0)


def levels_counted(*resources: int) -> list[int | None]:
    """Return for each report of one trial the level of the rung in which it counted."""
    ladder = Ladder((1, 3, 9, 27), 3)
    counted = []
    for resource in resources:
        rung = ladder.rung_of(report(resource))
        ladder.fold(report(resource))
        assert rung is None or rung.size == 1
        counted.append(rung.level if rung else None)
    return counted


def test_reports_between_rungs_count_nowhere() -> None:
    assert levels_counted(1, 2, 3, 4, 8, 9, 26) == [1, None, 3, None, None, 9, None]


def test_a_script_that_reports_every_second_level_is_compared_at_its_first_past_each() -> None:
    assert levels_counted(2, 4, 6, 8, 10) == [1, 3, None, None, 9]


def test_a_report_past_several_levels_counts_in_the_highest_alone() -> None:
    assert levels_counted(10, 11) == [9, None]


def test_a_report_at_the_last_level_counts_in_no_rung() -> None:
    assert levels_counted(27) == [None]
    assert levels_counted(1, 28) == [1, None]


def test_a_trial_runs_to_the_next_level() -> None:
    ladder = Ladder((1, 3, 9), 3)
    assert (ladder.next_level(ONE), ladder.place(ONE)) == (1, None)
    ladder.fold(report(4))
    place = ladder.place(ONE)
    assert place is not None
    assert (ladder.next_level(ONE), place.level) == (9, 3)


def test_one_level_alone_is_a_ladder_without_rungs() -> None:
    ladder = Ladder((5,), 3)
    assert (ladder.levels, ladder.last, ladder.next_level(ONE)) == ((), 5, 5)
    ladder.fold(report(5))
    assert ladder.place(ONE) is None


@pytest.mark.parametrize(
    ("levels", "factor", "text"),
    [
        ((3, 1), 3, "rung_levels is 3, 1; give levels that ascend"),
        ((), 3, "rung_levels is empty"),
        ((1, 3), 1, "reduction_factor is 1; it must be an integer from 2 up"),
        ((1, math.inf), 3, "a level of rung_levels is inf; it must be an integer"),
    ],
)
def test_what_is_no_ladder_is_refused(levels: tuple[int, ...], factor: int, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        Ladder(levels, factor)


def test_who_enters_above_the_lowest_rungs_is_never_compared_in_them() -> None:
    ladder = Ladder((1, 3, 9, 27), 3)
    ladder.enter(ONE, 2)
    assert ladder.next_level(ONE) == 9
    for resource, level in [(1, None), (3, None), (5, None), (9, 9), (10, None)]:
        rung = ladder.rung_of(report(resource))
        assert (rung.level if rung else None) == level
        ladder.fold(report(resource))
