"""One score at a time: which way is worse, and pairs."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pytest_synebench.analysis.gate.comparing import Case, compared, speaks
from pytest_synebench.analysis.gate.engine import Ask, Suite, judge
from pytest_synebench.analysis.gate.rules import STRICT
from pytest_synebench.analysis.gate.verdicts import Comparison, Judgement, Verdict
from pytest_synebench.scoring import Declared

BASELINE = [float(i) for i in range(20)]
ALIKE = [(7 * i) % 20 + 0.5 for i in range(15)]


def case(count: list[float], how: Declared, **more: Any) -> Case:
    losses = {"final": BASELINE, "area": [i + 0.25 for i in BASELINE]}
    now = {"final": ALIKE, "area": [i + 0.25 for i in ALIKE]}
    return Case(
        name="toy::base",
        baseline={**losses, "count": BASELINE},
        candidate={**now, "count": count},
        declared={"count": how},
        **more,
    )


def of_count(count: list[float], how: Declared) -> Comparison:
    return compared(case(count, how), 15, 15, 0.001)[-1]


def verdict(count: list[float], how: Declared) -> Verdict:
    answer = judge(case(count, how), Suite(rule=STRICT, setups=1, declared=1))
    assert isinstance(answer, Judgement)
    return answer.verdict


UP = [25.0 + i for i in range(15)]
DOWN = [-25.0 - i for i in range(15)]


@pytest.mark.parametrize(
    ("direction", "up", "down"),
    [
        ("min", Verdict.FAIL, Verdict.PASS),
        ("max", Verdict.PASS, Verdict.FAIL),
        ("same", Verdict.FAIL, Verdict.FAIL),
    ],
)
def test_which_way_is_worse_is_declared(direction: Any, up: Verdict, down: Verdict) -> None:
    assert verdict(UP, Declared(direction)) is up
    assert verdict(DOWN, Declared(direction)) is down


@pytest.mark.parametrize("direction", ["min", "max", "same"])
def test_a_count_may_move_within_its_tolerance(direction: Any) -> None:
    assert verdict(UP, Declared(direction, 100.0)) is Verdict.PASS
    assert verdict(DOWN, Declared(direction, 100.0)) is Verdict.PASS


def test_to_stay_the_same_costs_twice_the_p_value() -> None:
    once, twice = of_count(UP, Declared("min")), of_count(UP, Declared("same"))
    assert twice.p == 2 * once.p
    assert (twice.shift, twice.a12, twice.either) == (once.shift, once.a12, True)
    down = of_count(DOWN, Declared("same"))
    assert down.p == pytest.approx(twice.p)
    assert down.a12 == 1.0
    assert down.shift < 0


def test_what_is_to_be_high_is_shown_as_its_negative() -> None:
    one = of_count(DOWN, Declared("max"))
    assert one.baseline_median == -9.5
    assert one.shift > 0


def test_a_constant_count_that_moves_is_an_alarm() -> None:
    moved = compared(
        Case(
            name="s",
            baseline={"final": BASELINE, "n": [0.0] * 20},
            candidate={"final": ALIKE, "n": [3.0] * 15},
            declared={"n": Declared("min")},
        ),
        15,
        15,
        0.001,
    )[-1]
    assert moved.p < 1e-6
    assert moved.shift == 3.0


def paired(now: list[float], **more: Any) -> Case:
    scores = {"final": now, "area": now}
    before = {"final": BASELINE, "area": BASELINE}
    return Case(name="s", baseline=before, candidate=scores, paired=True, **more)


def test_pairs_see_what_is_far_smaller_than_the_spread() -> None:
    slightly = [value + 0.01 + 0.001 * i for i, value in enumerate(BASELINE)]
    suite = Suite(rule=STRICT, setups=1)
    assert judge(paired(slightly[:5]), suite) == Ask(15)
    answer = judge(paired(slightly[:15]), suite)
    assert isinstance(answer, Judgement)
    assert answer.verdict is Verdict.FAIL
    assert answer.comparisons[0].p == 2.0**-15
    apart = Case(
        name="s",
        baseline=paired([]).baseline,
        candidate={"final": slightly[:5], "area": slightly[:5]},
    )
    alone = judge(apart, suite)
    assert not isinstance(alone, Judgement) or not alone.verdict.red


def test_pairs_take_no_more_runs_than_the_baseline_has() -> None:
    few = {"final": BASELINE[:8], "area": BASELINE[:8]}
    worse = [value + 1 + 0.1 * i for i, value in enumerate(BASELINE)]
    one = Case(name="s", baseline=few, candidate=dict.fromkeys(few, worse[:5]), paired=True)
    assert judge(one, Suite(rule=STRICT, setups=1)) == Ask(8)


def test_pairs_that_are_too_few_to_fail_are_no_pass() -> None:
    few = {"final": BASELINE[:7], "area": BASELINE[:7]}
    worse = {
        s: [value + 1 + 0.1 * i for i, value in enumerate(values)] for s, values in few.items()
    }
    answer = judge(
        Case(name="s", baseline=few, candidate=worse, paired=True), Suite(rule=STRICT, setups=1)
    )
    assert isinstance(answer, Judgement)
    assert answer.verdict is Verdict.INCONCLUSIVE


def test_an_alarm_is_improbable_and_large() -> None:
    one = of_count(UP, Declared("min"))
    assert not speaks(one, 1.0, 0.64), "it is not adjusted"


def test_what_failed_is_worst_in_every_direction() -> None:
    nan = [math.nan] * 15
    for direction in ("min", "max", "same"):
        assert of_count(nan, Declared(direction)).p < 1e-6
