"""How verdicts read."""

from __future__ import annotations

from pytest_synebench.analysis.gate.report import lines, markdown, suite_lines
from pytest_synebench.analysis.gate.verdicts import (
    Comparison,
    Judgement,
    SuiteJudgement,
    Verdict,
)

WORSE = Judgement(
    name="toy::base",
    verdict=Verdict.FAIL,
    reason="worse: final",
    details=("run ids 20 to 34",),
    comparisons=(
        Comparison(
            score="final",
            p=0.00012,
            a12=0.93,
            shift=0.25,
            low=0.125,
            high=0.5,
            tolerance=0.1,
            detectable=0.2,
            baseline_median=1.0,
            candidate_median=1.25,
            adjusted_p=0.00024,
        ),
    ),
    baseline_runs=20,
    candidate_runs=15,
    looks=2,
)
GREEN = Judgement(name="toy::small", verdict=Verdict.PASS, reason="nothing has changed")
SUITE = SuiteJudgement(
    verdict=Verdict.FAIL,
    reason="1 FAIL, 1 PASS",
    rule="strict",
    baseline="main",
    judgements=(WORSE, GREEN),
)


def test_the_numbers_stand_with_the_verdict() -> None:
    seen = "a shift of 0.2 would have been seen nine times of ten"
    assert lines(WORSE) == [
        "FAIL: toy::base: worse: final",
        "  15 runs against 20 of the baseline, look 2; losses, lower is better",
        "  final: median 1.25, baseline 1; shift +0.25 (95 %: +0.125 to +0.5), tolerance 0.1",
        f"    p 0.00012, 0.00024 for all tests; worse in 93 % of pairs; {seen}",
        "  run ids 20 to 34",
    ]


def test_the_suite_shows_what_is_red() -> None:
    shown = suite_lines(SUITE)
    assert shown[0] == "FAIL: 1 FAIL, 1 PASS (rule strict, baseline main)"
    assert shown[1:] == lines(WORSE)


def test_markdown_has_a_row_per_score() -> None:
    page = markdown(SUITE).splitlines()
    assert page[0] == "### ❌ synebench gate: FAIL"
    assert page[6:8] == [
        "| `toy::base` | ❌ FAIL | worse: final | 15 | final | +0.25 (+0.125 to +0.5) | 0.00024 |",
        "| `toy::small` | ✅ PASS | nothing has changed | 0 | - | - | - |",
    ]
    assert page[-1] == "- run ids 20 to 34"
