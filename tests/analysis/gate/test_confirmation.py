"""An alarm beside fresh runs of the base commit."""

from __future__ import annotations

from pytest_synebench.analysis.gate.comparing import Case
from pytest_synebench.analysis.gate.confirmation import concluded
from pytest_synebench.analysis.gate.engine import Suite, judge, judge_suite
from pytest_synebench.analysis.gate.rules import STRICT
from pytest_synebench.analysis.gate.verdicts import Judgement, Verdict

LUCKY = [float(i) for i in range(20)]
WORSE = [20.5 + i for i in range(15)]
SUITE = Suite(rule=STRICT, setups=1)


def scores(values: list[float]) -> dict[str, list[float]]:
    return {"final": values, "area": [value + 0.25 for value in values]}


CASE = Case(name="s", baseline=scores(LUCKY), candidate=scores(WORSE))


def alarm() -> Judgement:
    answer = judge(CASE, SUITE)
    assert isinstance(answer, Judgement)
    assert (answer.verdict, answer.worse) == (Verdict.FAIL, ("final", "area"))
    return answer


def test_an_alarm_stands_where_fresh_runs_are_better_too() -> None:
    said = concluded(CASE, alarm(), scores([2.0 * i for i in range(10)]), "ab" * 20)
    assert (said.verdict, said.confirmed) == (Verdict.FAIL, True)
    assert said.details[-1] == (
        "confirmed: final, area worse than in 10 fresh runs of the base commit abababababab as well"
    )


def test_an_alarm_that_only_a_lucky_baseline_raises_is_taken_back() -> None:
    said = concluded(CASE, alarm(), scores([21.0 + i for i in range(10)]), "ab" * 20)
    assert (said.verdict, said.confirmed) == (Verdict.INCONCLUSIVE, False)
    assert said.reason.startswith("worse than the baseline, but not than 10 fresh runs of the base")
    assert "save it again" in said.details[-1]
    suite = judge_suite([(CASE, said)], SUITE, "main")
    assert suite.verdict is Verdict.INCONCLUSIVE, "and the suite does not raise it again"


def test_one_score_that_stands_is_enough() -> None:
    base = {"final": [21.0 + i for i in range(10)], "area": [float(i) for i in range(10)]}
    said = concluded(CASE, alarm(), base, "ab" * 20)
    assert said.verdict is Verdict.FAIL
    assert said.details[-1].startswith("confirmed: area worse than in 10 fresh runs")
