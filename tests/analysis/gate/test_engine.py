"""One setup: fingerprints, two looks, and what each verdict takes."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.analysis.gate.engine import Ask, Case, Suite, judge
from pytest_synebench.analysis.gate.rules import SENSITIVE, STRICT, parse_rule
from pytest_synebench.analysis.gate.verdicts import Judgement, Verdict
from pytest_synebench.scoring import Declared

ONE = Suite(rule=STRICT, setups=1)
BASELINE = [float(i) for i in range(20)]
NAN = math.nan


def case(final: list[float], baseline: list[float] = BASELINE, **more: object) -> Case:
    # The area is the final loss and some more: two scores, no ties.
    area = [value + 0.25 for value in final]
    fields: dict[str, object] = {
        "name": "toy::base",
        "baseline": {"final": baseline, "area": [value + 0.25 for value in baseline]},
        "candidate": {"final": final, "area": area},
        **more,
    }
    return Case(**fields)  # type: ignore[arg-type] # by name


def said(one: Case, suite: Suite = ONE) -> Judgement:
    judgement = judge(one, suite)
    assert isinstance(judgement, Judgement)
    return judgement


def worse(count: int) -> list[float]:
    return [20.5 + i for i in range(count)]


def alike(count: int) -> list[float]:
    return [(7 * i) % 20 + 0.5 for i in range(count)]


def test_equal_fingerprints_pass_without_any_score() -> None:
    judgement = said(case([], same=True))
    assert (judgement.verdict, judgement.looks) == (Verdict.PASS, 0)


def test_other_parameters_are_not_comparable_even_with_equal_fingerprints() -> None:
    judgement = said(case([], same=True, differences=("params.num_trials: 9 then, 5 now",)))
    assert judgement.verdict is Verdict.NOT_COMPARABLE
    assert judgement.details == ("params.num_trials: 9 then, 5 now",)


def test_what_is_better_by_what_chose_it_alone_is_said_to_be_no_better_otherwise() -> None:
    low, scores = [value - 40 for value in worse(15)], {"incumbent:test": Declared("max")}

    def told(before: list[float], now: list[float], **more: Declared) -> str:
        one = case(low, declared={**scores, **more})
        baseline = {**one.baseline, "incumbent:test": before}
        candidate = {**one.candidate, "incumbent:test": now}
        return said(replace(one, baseline=baseline, candidate=candidate)).reason

    assert told(BASELINE, alike(15)) == "better: final, area, but not incumbent:test"
    assert told(BASELINE, worse(15)) == "better: final, area, incumbent:test"
    assert said(case(low)).reason == "better: final, area"


@pytest.mark.parametrize("runs", range(5))
def test_the_first_look_takes_five_runs(runs: int) -> None:
    assert judge(case(worse(runs)), ONE) == Ask(5)


def test_what_is_not_suspect_passes_at_the_first_look() -> None:
    judgement = said(case(alike(5)))
    assert (judgement.verdict, judgement.looks, judgement.candidate_runs) == (Verdict.PASS, 1, 5)
    assert {one.score for one in judgement.comparisons} == {"final", "area"}


@pytest.mark.parametrize("runs", range(5, 15))
def test_a_suspect_is_run_again_and_never_fails_before(runs: int) -> None:
    assert judge(case(worse(runs)), ONE) == Ask(15)


def test_many_tests_ask_for_twenty_runs() -> None:
    assert judge(case(worse(5)), Suite(rule=STRICT, setups=8)) == Ask(20)


def test_a_suspect_that_stays_one_fails() -> None:
    judgement = said(case(worse(15)))
    assert (judgement.verdict, judgement.looks) == (Verdict.FAIL, 2)
    assert judgement.reason == "worse: final, area"
    assert judgement.comparisons[0].shift > 0
    assert judgement.comparisons[0].a12 == 1.0


def test_a_suspect_that_recovers_passes() -> None:
    assert said(case([*worse(5), *alike(10)])).verdict is Verdict.PASS


def test_a_shift_within_the_tolerance_is_put_up_with() -> None:
    assert said(case(worse(15), tolerance=100.0)).verdict is Verdict.PASS


@pytest.mark.parametrize(("more", "verdict"), [(5.5, Verdict.PASS), (6.5, Verdict.FAIL)])
def test_a_small_effect_does_not_matter_however_sure_it_is(more: float, verdict: Verdict) -> None:
    baseline = [float(i) for i in range(40)]
    judgement = said(
        case([i + more for i in baseline], baseline, stored=True), Suite(rule=SENSITIVE, setups=1)
    )
    # An A12 of 0.628, then of 0.649; the least that matters is 0.64.
    assert judgement.comparisons[0].p < 0.05 / 2
    assert judgement.verdict is verdict


def test_better_is_said() -> None:
    judgement = said(case([value - 100 for value in alike(5)]))
    assert (judgement.verdict, judgement.reason) == (Verdict.PASS, "better: final, area")


@pytest.mark.parametrize(
    ("baseline", "reason"),
    [
        (BASELINE[:5], "the baseline has 5 runs; a comparison needs 6"),
        ([NAN] * 20, "no run of the baseline measured anything"),
    ],
)
def test_a_baseline_that_says_nothing_is_an_error(baseline: list[float], reason: str) -> None:
    judgement = said(case([], baseline))
    assert judgement.verdict is Verdict.ERROR
    assert judgement.reason.startswith(reason)


@pytest.mark.parametrize(
    ("baseline", "tolerance", "reason"),
    [
        (BASELINE[:9], 0.0, "the baseline has only 9 runs"),
        ([1.0] * 11 + BASELINE[2:11], 0.0, "most runs of the baseline are equal"),
        (BASELINE, 0.5, "a shift below"),
    ],
)
def test_a_pass_that_would_mean_little_is_inconclusive(
    baseline: list[float], tolerance: float, reason: str
) -> None:
    judgement = said(case([0.0] * 5, baseline, tolerance=tolerance))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert f"but {reason}" in judgement.reason


def test_runs_that_fail_rank_worst_and_too_many_are_no_pass() -> None:
    assert said(case([NAN, *alike(4)])).verdict is Verdict.PASS
    good = [-1.0 - i for i in range(13)]
    assert said(case([NAN, NAN, *good[:3]])).verdict is Verdict.ERROR
    assert said(case([NAN] * 15)).verdict is Verdict.ERROR, "nothing was measured"
    assert said(case([NAN] * 5 + worse(10))).verdict is Verdict.FAIL


def test_stored_runs_are_looked_at_once_however_many() -> None:
    assert said(case(worse(8), stored=True)).verdict is Verdict.FAIL
    assert said(case([], stored=True)).verdict is Verdict.ERROR


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [("best:25%", Verdict.PASS), ("best:15%", Verdict.FAIL), ("best:2", Verdict.PASS)],
)
def test_a_threshold_goes_by_medians(rule: str, verdict: Verdict) -> None:
    suite = Suite(rule=parse_rule(rule), setups=1)
    baseline = [10.0] * 20
    assert said(case([12.0, 11.0, 12.0, 13.0, 12.0], baseline), suite).verdict is verdict
    assert judge(case([12.0], baseline), suite) == Ask(5)


def test_a_threshold_takes_a_measurement() -> None:
    suite = Suite(rule=parse_rule("best:5%"), setups=1)
    assert said(case([NAN] * 3 + [1.0, 1.0]), suite).verdict is Verdict.ERROR


UNTIED = st.lists(st.floats(-1e300, 1e300), min_size=15, max_size=15, unique=True)


@given(UNTIED, st.integers(0, 14), st.floats(0, 1e300), st.sampled_from([STRICT, SENSITIVE]))
def test_a_candidate_made_worse_never_turns_fail_into_pass(
    values: list[float], at: int, more: float, rule: object
) -> None:
    suite = replace(ONE, rule=rule)  # type: ignore[arg-type] # one of two
    baseline = [i * 1e298 + 0.1 for i in range(20)]
    before = judge(case(values, baseline), suite)
    values[at] += more
    after = judge(case(values, baseline), suite)
    if isinstance(before, Judgement) and before.verdict is Verdict.FAIL:
        assert isinstance(after, Judgement)
        assert after.verdict.red


@given(st.lists(st.floats(), min_size=15, max_size=15), st.randoms())
def test_the_order_of_runs_in_a_look_does_not_matter(
    values: list[float], chance: random.Random
) -> None:
    before = judge(case(values), ONE)
    first, rest = values[:5], values[5:]
    chance.shuffle(first)
    chance.shuffle(rest)
    assert repr(judge(case([*first, *rest]), ONE)) == repr(before)
