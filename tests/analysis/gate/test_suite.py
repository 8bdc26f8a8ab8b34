"""All setups together: Holm's later steps, the test over all benchmarks, the verdict on all."""

from __future__ import annotations

from pytest_synebench.analysis.gate.engine import Case, Suite, judge, judge_suite
from pytest_synebench.analysis.gate.rules import SENSITIVE, STRICT
from pytest_synebench.analysis.gate.verdicts import Judgement, SuiteJudgement, Verdict

BASELINE = [float(i) for i in range(20)]


def case(number: int, final: list[float], *, same: bool | None = None) -> Case:
    scores = {"final": final, "area": [value + 0.25 for value in final]}
    before = {"final": BASELINE, "area": [value + 0.25 for value in BASELINE]}
    return Case(name=f"b{number}::s", baseline=before, candidate=scores, same=same)


def said(cases: list[Case], suite: Suite) -> SuiteJudgement:
    judged: list[tuple[Case | None, Judgement]] = []
    for one in cases:
        judgement = judge(one, suite)
        assert isinstance(judgement, Judgement)
        judged.append((one, judgement))
    return judge_suite(judged, suite, "main")


def alike(count: int) -> list[float]:
    return [(7 * i) % 20 + 0.5 for i in range(count)]


def test_nothing_compared_is_an_error() -> None:
    assert said([], Suite(rule=STRICT, setups=0)).verdict is Verdict.ERROR


def test_one_red_setup_makes_the_suite_red() -> None:
    suite = Suite(rule=STRICT, setups=2)
    judgement = said([case(0, alike(5)), case(1, [20.5 + i for i in range(15)])], suite)
    assert judgement.verdict is Verdict.FAIL
    assert judgement.reason == "1 FAIL, 1 PASS"


def test_a_later_step_of_holm_fails_what_the_first_let_through() -> None:
    suite = Suite(rule=SENSITIVE, setups=3)
    # One that is plainly worse, and one with p = 0.0098 per score: 6 times that is above 0.05,
    # 4 times (two tests of the other are rejected before) is below.
    worse = [20.5 + i for i in range(15)]
    doubtful = [i * 0.95 + 7.5 for i in reversed(range(15))]
    cases = [case(0, worse), case(1, doubtful), case(2, alike(5))]
    alone = judge(cases[1], suite)
    assert isinstance(alone, Judgement)
    assert alone.verdict is Verdict.PASS
    assert 0.05 / 6 < alone.comparisons[0].p <= 0.05 / 4
    judgement = said(cases, suite)
    assert [one.verdict for one in judgement.judgements] == [
        Verdict.FAIL,
        Verdict.FAIL,
        Verdict.PASS,
    ]


def test_small_losses_everywhere_are_a_broad_regression() -> None:
    suite = Suite(rule=STRICT, setups=8)
    slightly = [12.2, 13.2, 14.2, 7.2, 18.2]
    judged = [case(number, slightly) for number in range(8)]
    alone: list[tuple[Case | None, Judgement]] = []
    for one in judged:
        passed = Judgement(name=one.name, verdict=Verdict.PASS, reason="")
        alone.append((one, passed))
    judgement = judge_suite(alone, suite, "main")
    assert judgement.verdict is Verdict.FAIL
    assert judgement.reason.startswith("broad regression")
    assert judge_suite(alone[:3], Suite(rule=STRICT, setups=3), "main").broad_p is None


def test_what_has_not_changed_takes_no_part_in_the_broad_test() -> None:
    suite = Suite(rule=STRICT, setups=5)
    cases = [case(number, [], same=True) for number in range(5)]
    judgement = said(cases, suite)
    assert (judgement.verdict, judgement.broad_p) == (Verdict.PASS, None)


def test_equal_input_gives_equal_bytes() -> None:
    suite = Suite(rule=STRICT, setups=2)
    cases = [case(0, alike(5)), case(1, [20.5 + i for i in range(15)])]
    assert said(cases, suite).to_json() == said(cases, suite).to_json()
