"""Verdicts as plain data."""

from __future__ import annotations

import json
import math

from pytest_synebench.analysis.gate.verdicts import (
    Comparison,
    Judgement,
    SuiteJudgement,
    Verdict,
    most_alarming,
)


def test_green_and_red_and_their_exit_codes() -> None:
    assert {v: (v.red, v.exit_code) for v in Verdict} == {
        Verdict.PASS: (False, 0),
        Verdict.INCONCLUSIVE: (False, 0),
        Verdict.FAIL: (True, 1),
        Verdict.ERROR: (True, 2),
        Verdict.NOT_COMPARABLE: (True, 3),
    }


def test_the_most_alarming_verdict_is_the_suite_s() -> None:
    assert most_alarming([Verdict.PASS, Verdict.INCONCLUSIVE]) is Verdict.INCONCLUSIVE
    assert most_alarming([Verdict.FAIL, Verdict.ERROR]) is Verdict.FAIL
    assert most_alarming([]) is Verdict.ERROR, "green needs a measurement"


def test_json_is_strict_whatever_the_numbers_are() -> None:
    one = Comparison(
        score="final",
        p=1.0,
        a12=0.5,
        shift=math.nan,
        low=-math.inf,
        high=math.inf,
        tolerance=0.0,
        detectable=math.inf,
        baseline_median=1.0,
        candidate_median=1.0,
    )
    judgement = Judgement(name="a::b", verdict=Verdict.PASS, reason="", comparisons=(one,))
    suite = SuiteJudgement(
        verdict=Verdict.PASS, reason="", rule="strict", baseline="main", judgements=(judgement,)
    )
    data = json.loads(suite.to_json(), parse_constant=lambda name: pytest_fails(name))
    assert data["judgements"][0]["comparisons"][0]["low"] == "-inf"
    assert data["verdict"] == "PASS"


def pytest_fails(name: str) -> None:
    raise AssertionError(f"{name} is no strict JSON")
