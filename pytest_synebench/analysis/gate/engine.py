"""The rule "gate v1" as a state machine: given the scores so far, a verdict, or how many more runs.

Equal fingerprints pass at once. Otherwise five runs are looked at: a setup none of whose scores is
suspect passes; of a suspect more runs are made, and only then it may fail. So looking twice costs
no false alarms. Whether single scores speak depends on how many there are (Holm): a setup by
itself fails by the strictest step of that, which needs no other setup's scores; ``suite`` takes
the other steps, and tests all benchmarks together.

Invariants (tests/analysis/gate/test_engine.py, tests/analysis/gate/test_suite.py):
- equal input gives an equal verdict, byte for byte, whatever the order of the runs in a look;
- FAIL is only said of all runs that the rule asks for, or of a fixed number of stored ones;
- without ties, a candidate made worse never turns FAIL into PASS;
- where nothing was measured, nothing is green.

Source: docs/decisions/0012-how-the-gate-decides.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from pytest_synebench.analysis.curves import FINAL
from pytest_synebench.analysis.gate import rules
from pytest_synebench.analysis.gate.rules import Rule
from pytest_synebench.analysis.gate.verdicts import (
    Comparison,
    Judgement,
    SuiteJudgement,
    Verdict,
    most_alarming,
)
from pytest_synebench.analysis.statistics.effects import a12, detectable, shift
from pytest_synebench.analysis.statistics.ranks import (
    Values,
    holm,
    ordered,
    rank_sum_p,
    stratified_p,
)

Scores = Mapping[str, Values]  #: by name, one value per run, in the order of the runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is known of one setup."""

    name: str  #: benchmark::setup
    baseline: Scores
    candidate: Scores  #: in the order in which runs were asked for
    tolerance: float = 0.0  #: shift that is put up with, in units of the metric
    same: bool | None = None  #: whether the fingerprints are equal; None: not compared
    differences: tuple[str, ...] = ()  #: why the two are of different problems
    notes: tuple[str, ...] = ()  #: for people: where decisions first differ, and the like
    stored: bool = False  #: runs are what there is: one look at all of them

    @property
    def runs(self) -> int:
        """Runs of the candidate."""
        return len(self.candidate[FINAL])


@dataclass(frozen=True, slots=True)
class Ask:
    """Not yet: so many runs of the candidate in all are needed."""

    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """What is the same for all cases that are judged together."""

    rule: Rule
    setups: int  #: how many are judged together
    scores: int = 2  #: per setup

    @property
    def tests(self) -> int:
        """How many single tests may raise an alarm."""
        return self.setups * self.scores

    @property
    def final_runs(self) -> int:
        """Runs of the candidate at the last look."""
        return rules.FIRST_RUNS if self.rule.limit is not None else rules.final_runs(self.tests)


def judge(case: Case, suite: Suite) -> Ask | Judgement:
    """Return a verdict on one setup, or how many runs of the candidate it takes."""
    if case.differences:
        return _said(case, Verdict.NOT_COMPARABLE, "the baseline is of another problem")
    if case.same:
        return _said(case, Verdict.PASS, "equal decisions on equal run ids: nothing has changed")
    if refused := _refused(case):
        return _said(case, Verdict.ERROR, refused)
    if not case.stored and case.runs < rules.FIRST_RUNS:
        return Ask(rules.FIRST_RUNS)
    if suite.rule.limit is not None:
        return _by_threshold(case, suite.rule, suite.rule.limit)
    if not case.stored and case.runs < suite.final_runs:
        first = _compared(case, suite, rules.FIRST_RUNS)
        if any(one.p <= rules.FUTILITY for one in first):
            return Ask(suite.final_runs)
        return _concluded(case, first, looks=1)
    runs = case.runs if case.stored else suite.final_runs
    return _concluded(case, _adjusted(_compared(case, suite, runs), suite), looks=2, suite=suite)


def _refused(case: Case) -> str:
    """Return why no comparison can be made; "": it can."""
    runs = len(case.baseline[FINAL])
    if runs < rules.LEAST_BASELINE_RUNS:
        return (
            f"the baseline has {runs} runs; a comparison needs {rules.LEAST_BASELINE_RUNS}, and "
            "20 to see much: save it again with --num_runs 20"
        )
    if not any(map(math.isfinite, case.baseline[FINAL])):
        return "no run of the baseline measured anything: save it again"
    if case.stored and not case.runs:
        return "there is no run of the candidate"
    return ""


def _compared(case: Case, suite: Suite, runs: int) -> tuple[Comparison, ...]:
    level = suite.rule.test_level(suite.setups) / suite.tests
    out = []
    for score, before in case.baseline.items():
        now = case.candidate[score][:runs]
        middle, low, high = shift(before, now)
        out.append(
            Comparison(
                score=score,
                p=rank_sum_p(before, now),
                a12=a12(before, now),
                shift=middle,
                low=low,
                high=high,
                tolerance=case.tolerance,
                detectable=detectable(before, suite.final_runs, level),
                baseline_median=median(map(ordered, before)),
                candidate_median=median(map(ordered, now)),
                tied=_most_common(before) > len(before) / 2,
            )
        )
    return tuple(out)


def _most_common(values: Values) -> int:
    keys = [ordered(value) for value in values]
    return max(keys.count(key) for key in keys)


def _adjusted(comparisons: tuple[Comparison, ...], suite: Suite) -> tuple[Comparison, ...]:
    return tuple(replace(one, adjusted_p=min(1.0, one.p * suite.tests)) for one in comparisons)


def _speaks(one: Comparison, level: float) -> bool:
    """Whether a comparison is an alarm: improbable by chance, and large enough to matter."""
    return (
        one.adjusted_p is not None
        and one.adjusted_p <= level
        and one.a12 >= rules.LEAST_A12
        and one.shift > one.tolerance
    )


def _concluded(
    case: Case, comparisons: tuple[Comparison, ...], *, looks: int, suite: Suite | None = None
) -> Judgement:
    level = suite.rule.test_level(suite.setups) if suite else -1.0
    worse = [one.score for one in comparisons if _speaks(one, level)]
    runs = rules.FIRST_RUNS if looks == 1 else case.runs
    failed = sum(not math.isfinite(value) for value in case.candidate[FINAL][:runs])
    if failed == runs:
        verdict, reason = Verdict.ERROR, f"none of {runs} runs measured anything"
    elif worse:
        verdict, reason = Verdict.FAIL, f"worse: {', '.join(worse)}"
    elif failed > rules.FAILED_SHARE * runs:
        verdict, reason = Verdict.ERROR, f"{failed} of {runs} runs measured nothing"
    elif weak := _weakness(case, comparisons):
        verdict, reason = Verdict.INCONCLUSIVE, f"not shown to be worse, but {weak}"
    else:
        better = [one.score for one in comparisons if one.high < 0]
        reason = f"better: {', '.join(better)}" if better else "not shown to be worse"
        verdict = Verdict.PASS
    return _said(case, verdict, reason, comparisons=comparisons, runs=runs, looks=looks)


def _weakness(case: Case, comparisons: tuple[Comparison, ...]) -> str:
    """Return why a pass would mean little; "": it means something."""
    if len(case.baseline[FINAL]) < rules.FEW_BASELINE_RUNS:
        return f"the baseline has only {len(case.baseline[FINAL])} runs"
    if all(one.tied for one in comparisons):
        return "most runs of the baseline are equal: the benchmark is too easy to tell"
    smallest = min(one.detectable for one in comparisons)
    if smallest == math.inf:
        return "no difference could have been seen"
    if 0 < case.tolerance < smallest:
        return (
            f"a shift below {smallest:.4g} would hardly have been seen, and the tolerance is "
            f"{case.tolerance:.4g}"
        )
    return ""


def _by_threshold(case: Case, rule: Rule, limit: float) -> Judgement:
    runs = case.runs if case.stored else rules.FIRST_RUNS
    before = median(map(ordered, case.baseline[FINAL]))
    now = median(map(ordered, case.candidate[FINAL][:runs]))
    allowed = limit * abs(before) if rule.relative else limit
    text = f"the median best loss is {now:.5g}, the baseline's {before:.5g}; limit {rule.name}"
    if not math.isfinite(now):
        return _said(case, Verdict.ERROR, "most runs measured nothing", runs=runs, looks=1)
    verdict = Verdict.FAIL if now - before > allowed else Verdict.PASS
    return _said(case, verdict, text, runs=runs, looks=1)


def _said(
    case: Case,
    verdict: Verdict,
    reason: str,
    *,
    comparisons: tuple[Comparison, ...] = (),
    runs: int = 0,
    looks: int = 0,
) -> Judgement:
    return Judgement(
        name=case.name,
        verdict=verdict,
        reason=reason,
        details=(*case.differences, *case.notes),
        comparisons=comparisons,
        baseline_runs=len(case.baseline.get(FINAL, ())),
        candidate_runs=runs,
        looks=looks,
    )


def judge_suite(
    judged: Sequence[tuple[Case | None, Judgement]], suite: Suite, baseline: str
) -> SuiteJudgement:
    """Return the verdict on all setups, each with what is known of it (None: nothing)."""
    judgements = _by_holm([judgement for _, judgement in judged], suite)
    broad_p, level = _broad([case for case, _ in judged if case], suite)
    verdict = most_alarming(one.verdict for one in judgements)
    reason = "nothing was compared" if not judgements else _counted(judgements)
    if broad_p is not None and broad_p <= level:
        verdict = Verdict.FAIL
        reason = (
            f"broad regression: all benchmarks together are worse (p = {broad_p:.2g}); {reason}"
        )
    return SuiteJudgement(
        verdict=verdict,
        reason=reason,
        rule=suite.rule.name,
        baseline=baseline,
        judgements=tuple(judgements),
        broad_p=broad_p,
    )


def _counted(judgements: Sequence[Judgement]) -> str:
    counts = [(v, sum(one.verdict is v for one in judgements)) for v in reversed(Verdict)]
    return ", ".join(f"{count} {verdict.value}" for verdict, count in counts if count)


def _by_holm(judgements: list[Judgement], suite: Suite) -> list[Judgement]:
    """Adjust the p-values of all second looks together; others count as tests that are silent."""
    tested = [one for two in judgements if two.looks == 2 for one in two.comparisons]
    silent = [1.0] * max(0, suite.tests - len(tested))
    adjusted = iter(holm([*(one.p for one in tested), *silent]))
    level = suite.rule.test_level(suite.setups)
    out = []
    for two in judgements:
        if two.looks == 2:
            comparisons = tuple(replace(one, adjusted_p=next(adjusted)) for one in two.comparisons)
            two = replace(two, comparisons=comparisons)
            worse = [one.score for one in comparisons if _speaks(one, level)]
            if worse and not two.verdict.red:
                reason = f"worse: {', '.join(worse)}"
                two = replace(two, verdict=Verdict.FAIL, reason=reason)
        out.append(two)
    return out


def _broad(cases: Sequence[Case], suite: Suite) -> tuple[float | None, float]:
    """Return the p-value of all benchmarks together at the first look, and its level."""
    level = suite.rule.broad_level(suite.setups)
    looked = [
        one
        for one in cases
        if not one.same and not one.differences and one.runs >= rules.FIRST_RUNS
    ]
    if not level or suite.rule.limit is not None or len(looked) < rules.BROAD_STRATA:
        return None, 0.0
    strata = [
        (
            list(one.baseline.values()),
            [one.candidate[score][: rules.FIRST_RUNS] for score in one.baseline],
        )
        for one in looked
    ]
    return stratified_p(strata), level
