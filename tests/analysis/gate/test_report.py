"""How verdicts read."""

from __future__ import annotations

from dataclasses import replace

from pytest_synebench.analysis.gate.report import lines, markdown, next_steps, suite_lines
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


def test_names_and_values_are_text_in_markdown() -> None:
    hostile = "a|b`c <img src=x>\n# @all"
    odd = replace(WORSE, name=f"toy::{hostile}", reason=hostile, details=(hostile,))
    page = markdown(replace(SUITE, judgements=(odd, GREEN), reason=hostile)).splitlines()
    plain = markdown(SUITE).splitlines()
    assert len(page) == len(plain)
    assert page[6].replace("\\|", "").count("|") == plain[6].count("|")
    assert not any(line.startswith("#") for line in page[1:])
    assert page[-1] == r"- a\|b\`c \<img src=x\> # \@all"


def test_what_is_red_says_what_to_do_next() -> None:
    move = 'move the baseline: --synebench-save main --synebench-accept "why"'
    [worse] = next_steps(["PASS", "FAIL", "FAIL"], "main")
    assert worse.startswith("next: mend what is worse; or add runs")
    assert worse.endswith(move)
    [other] = next_steps(["NOT COMPARABLE"], "main")
    assert other.endswith(move)
    assert next_steps(["PASS", "INCONCLUSIVE", "ERROR"], "main") == []
    assert markdown(SUITE, [worse]).splitlines()[-1] == worse
