"""The verdict on all setups together: what fails only there is confirmed as well."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_synebench.analysis.baselines import Entry
from pytest_synebench.analysis.gate.engine import Case, Suite, judge
from pytest_synebench.analysis.gate.rules import STRICT
from pytest_synebench.analysis.gate.verdicts import Judgement, SuiteJudgement, Verdict
from pytest_synebench.plugin.gate import nodes

BASELINE = [float(i) for i in range(20)]
SUITE = Suite(rule=STRICT, setups=3)
WORSE = [20.5 + i for i in range(15)]
DOUBTFUL = [i * 0.95 + 8.6 for i in reversed(range(15))]


def judged(name: str, final: list[float], *, confirm: bool) -> nodes.Judged:
    scores = {"final": final, "area": [value + 0.25 for value in final]}
    before = {"final": BASELINE, "area": [value + 0.25 for value in BASELINE]}
    case = Case(name=name, baseline=before, candidate=scores)
    answer = judge(case, SUITE)
    assert isinstance(answer, Judgement)
    asked = SimpleNamespace(confirm=confirm, rule=STRICT, entries={name: Entry({})})
    gate: Any = SimpleNamespace(asked=asked, title=name)
    return nodes.Judged(case, answer, gate, (40, 41))


def verdict(monkeypatch: pytest.MonkeyPatch, *, confirm: bool = True) -> SuiteJudgement:
    monkeypatch.setattr(nodes, "suite_of", lambda _: SUITE)
    ones = [judged("a", WORSE, confirm=confirm), judged("b", DOUBTFUL, confirm=confirm)]
    assert [one.judgement.verdict for one in ones] == [Verdict.FAIL, Verdict.PASS]
    suite: Any = SimpleNamespace(session=None)
    what: Any = SimpleNamespace(compare="main")
    return nodes.SuiteItem._verdict(suite, ones, what)


def taken_back(*arguments: Any) -> Judgement:
    judgement, unused = arguments[3:]
    assert unused == (40, 41)
    said: Judgement = replace(judgement, verdict=Verdict.INCONCLUSIVE, confirmed=False)
    return said


def test_what_fails_by_a_later_step_alone_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def confirmed(*arguments: Any) -> Judgement:
        asked.append(arguments[3].name)
        return taken_back(*arguments)

    monkeypatch.setattr(nodes, "confirmed", confirmed)
    said = verdict(monkeypatch)
    assert asked == ["b"], "the other had its turn in its own gate"
    told = [one.verdict for one in said.judgements]
    assert (said.verdict, told) == (Verdict.FAIL, [Verdict.FAIL, Verdict.INCONCLUSIVE])


def test_it_stays_where_it_is_not_to_be_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "confirmed", taken_back)
    said = verdict(monkeypatch, confirm=False)
    assert [one.verdict for one in said.judgements] == [Verdict.FAIL, Verdict.FAIL]
