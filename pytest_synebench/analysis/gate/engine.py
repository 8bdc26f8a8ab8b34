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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from pytest_synebench.analysis.curves import FINAL, SCORES
from pytest_synebench.analysis.gate import rules
from pytest_synebench.analysis.gate.comparing import Case, Scores, compared, failed_runs, speaks
from pytest_synebench.analysis.gate.rules import Rule
from pytest_synebench.analysis.gate.verdicts import (
    Comparison,
    Judgement,
    SuiteJudgement,
    Verdict,
    most_alarming,
)
from pytest_synebench.analysis.statistics.ranks import holm, ordered, stratified_p
from pytest_synebench.scoring import of_the_chosen

__all__ = ["Ask", "Case", "Scores", "Suite", "judge", "judge_suite"]


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
    declared: int = 0  #: further ones, over all setups

    @property
    def tests(self) -> int:
        """How many single tests may raise an alarm."""
        return self.setups * self.scores + self.declared

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
    if refused := case.refused or _refused(case):
        return _said(case, Verdict.ERROR, refused)
    if not case.stored and case.runs < rules.FIRST_RUNS:
        return Ask(rules.FIRST_RUNS)
    if suite.rule.limit is not None:
        return _by_threshold(case, suite.rule, suite.rule.limit)
    last = _last_runs(case, suite)
    if not case.stored and case.runs < last:
        first = _compared(case, suite, rules.FIRST_RUNS)
        if any(one.p <= rules.FUTILITY for one in first):
            return Ask(last)
        return _concluded(case, first, looks=1)
    runs = case.runs if case.stored else last
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


def _last_runs(case: Case, suite: Suite) -> int:
    """Return how many runs of the candidate the last look takes."""
    pairs = len(case.baseline[FINAL])
    return min(pairs, suite.final_runs) if case.paired else suite.final_runs


def _compared(case: Case, suite: Suite, runs: int) -> tuple[Comparison, ...]:
    level = suite.rule.test_level(suite.setups) / suite.tests
    return compared(case, runs, _last_runs(case, suite), level)


def _adjusted(comparisons: tuple[Comparison, ...], suite: Suite) -> tuple[Comparison, ...]:
    return tuple(replace(one, adjusted_p=min(1.0, one.p * suite.tests)) for one in comparisons)


def _speaks(one: Comparison, level: float) -> bool:
    return speaks(one, level, rules.LEAST_A12)


def _concluded(
    case: Case, comparisons: tuple[Comparison, ...], *, looks: int, suite: Suite | None = None
) -> Judgement:
    level = suite.rule.test_level(suite.setups) if suite else -1.0
    worse = [one.score for one in comparisons if _speaks(one, level)]
    runs = rules.FIRST_RUNS if looks == 1 else case.runs
    failed = failed_runs(case, runs)
    if failed == runs:
        verdict, reason = Verdict.ERROR, f"none of {runs} runs measured anything"
    elif worse:
        verdict, reason = Verdict.FAIL, f"worse: {', '.join(worse)}"
    elif failed > rules.FAILED_SHARE * runs:
        verdict, reason = Verdict.ERROR, f"{failed} of {runs} runs measured nothing"
    elif weak := _weakness(case, comparisons):
        verdict, reason = Verdict.INCONCLUSIVE, f"not shown to be worse, but {weak}"
    else:
        verdict, reason = Verdict.PASS, _improvement(comparisons) or "not shown to be worse"
    said = _said(case, verdict, reason, comparisons=comparisons, runs=runs, looks=looks)
    return replace(said, worse=tuple(worse))


def _improvement(comparisons: Sequence[Comparison]) -> str:
    """Return what is better; "": nothing is shown to be.

    The best of noisier values is better by chance. So what else tells the worth of the best config
    is named where it is not better as well.
    """
    better = [one.score for one in comparisons if one.high < 0 and not one.either]
    if not better:
        return ""
    not_so = [
        one.score
        for one in comparisons
        if of_the_chosen(one.score) and one.score not in better and not one.either
    ]
    return f"better: {', '.join(better)}" + (f", but not {', '.join(not_so)}" if not_so else "")


def _weakness(case: Case, comparisons: tuple[Comparison, ...]) -> str:
    """Return why a pass would mean little; "": it means something."""
    if len(case.baseline[FINAL]) < rules.FEW_BASELINE_RUNS:
        return f"the baseline has only {len(case.baseline[FINAL])} runs"
    losses = [one for one in comparisons if one.score in SCORES]
    if all(one.tied for one in losses):
        return "most runs of the baseline are equal: the benchmark is too easy to tell"
    smallest = min(one.detectable for one in losses)
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
        paired=case.paired,
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
            if worse and not two.verdict.red and two.confirmed is None:
                reason = f"worse: {', '.join(worse)}"
                two = replace(two, verdict=Verdict.FAIL, reason=reason, worse=tuple(worse))
        out.append(two)
    return out


def _broad(cases: Sequence[Case], suite: Suite) -> tuple[float | None, float]:
    """Return the p-value of all benchmarks together at the first look, and its level."""
    level = suite.rule.broad_level(suite.setups)
    looked = [
        one
        for one in cases
        if not (one.same or one.differences or one.paired) and one.runs >= rules.FIRST_RUNS
    ]
    if not level or suite.rule.limit is not None or len(looked) < rules.BROAD_STRATA:
        return None, 0.0
    strata = [
        (
            [one.baseline[score] for score in losses],
            [one.candidate[score][: rules.FIRST_RUNS] for score in losses],
        )
        for one in looked
        for losses in [[score for score in one.baseline if score not in one.declared]]
    ]
    return stratified_p(strata), level
