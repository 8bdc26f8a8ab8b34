"""How verdicts read: in the terminal like a failing assertion, and as Markdown.

Invariants (tests/analysis/gate/test_report.py):
- the numbers that a verdict goes by stand with it;
- equal verdicts read equally;
- no name or value ends a cell of a table or becomes markup;
- what is red says what to do next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_synebench.analysis.gate.verdicts import (
    Comparison,
    Judgement,
    SuiteJudgement,
    Verdict,
)
from pytest_synebench.analysis.markup import code, prose

_SIGNS = {"PASS": "✅", "INCONCLUSIVE": "⚠️"}


def lines(judgement: Judgement) -> list[str]:
    """Return the lines on one setup."""
    out = [f"{judgement.verdict.value}: {judgement.name}: {judgement.reason}"]
    if judgement.looks:
        runs = f"{judgement.candidate_runs} runs against {judgement.baseline_runs} of the baseline"
        how = f"look {judgement.looks}{', pair by pair' if judgement.paired else ''}"
        out.append(f"  {runs}, {how}; losses, lower is better")
    for one in judgement.comparisons:
        out += _of_score(one)
    return out + [f"  {detail}" for detail in judgement.details]


def _of_score(one: Comparison) -> Iterator[str]:
    adjusted = "" if one.adjusted_p is None else f", {one.adjusted_p:.3g} for all tests"
    yield (
        f"  {one.score}: median {one.candidate_median:.5g}, baseline {one.baseline_median:.5g}; "
        f"shift {one.shift:+.4g} (95 %: {one.low:+.4g} to {one.high:+.4g}), "
        f"tolerance {one.tolerance:g}{', either way' if one.either else ''}"
    )
    yield (
        f"    p {one.p:.3g}{adjusted}; worse in {100 * one.a12:.0f} % of pairs; a shift of "
        f"{one.detectable:.4g} would have been seen nine times of ten"
    )


def suite_lines(suite: SuiteJudgement) -> list[str]:
    """Return the lines on all setups together."""
    head = f"{suite.verdict.value}: {suite.reason} (rule {suite.rule}, baseline {suite.baseline})"
    return [head, *(line for one in suite.judgements if one.verdict.red for line in lines(one))]


def next_steps(verdicts: Iterable[str], baseline: str) -> list[str]:
    """Return what can be done about verdicts of a session; an ERROR says it in its own text."""
    move = f'move the baseline: --synebench-save {baseline} --synebench-accept "why"'
    known = set(verdicts)
    out = []
    if Verdict.FAIL.value in known:
        out.append(
            "next: mend what is worse; or add runs that no gate has seen: --synebench-rerun; or, "
            f"if it is worth it, {move}"
        )
    if Verdict.NOT_COMPARABLE.value in known:
        out.append(f"next: run what the baseline is of; or, if the change is meant, {move}")
    return out


def markdown(suite: SuiteJudgement, steps: Iterable[str] = ()) -> str:
    """Return the verdict for a page of a CI system, and what can be done about it."""
    out = [
        f"### {_SIGNS.get(suite.verdict.value, '❌')} synebench gate: {suite.verdict.value}",
        "",
        f"{prose(suite.reason)}; rule {code(suite.rule)}, baseline {code(suite.baseline)}",
        "",
        "| setup | verdict | why | runs | score | shift | p (all tests) |",
        "|---|---|---|---|---|---|---|",
    ]
    for judgement in suite.judgements:
        out += _rows(judgement)
    for judgement in suite.judgements:
        if judgement.details:
            out += ["", code(judgement.name), "", *(f"- {prose(one)}" for one in judgement.details)]
    for step in steps:
        out += ["", prose(step)]
    return "\n".join(out) + "\n"


def _rows(judgement: Judgement) -> Iterator[str]:
    head = (
        f"| {code(judgement.name)} | {_SIGNS.get(judgement.verdict.value, '❌')} "
        f"{judgement.verdict.value} | {prose(judgement.reason)} | {judgement.candidate_runs} |"
    )
    if not judgement.comparisons:
        yield f"{head} - | - | - |"
    for one in judgement.comparisons:
        p = "-" if one.adjusted_p is None else f"{one.adjusted_p:.3g}"
        shift = f"{one.shift:+.4g} ({one.low:+.4g} to {one.high:+.4g})"
        yield f"{head} {prose(one.score)} | {shift} | {p} |"
        head = "| | | | |"
