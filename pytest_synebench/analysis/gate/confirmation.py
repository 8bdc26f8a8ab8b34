"""Whether an alarm stands beside fresh runs of the base commit.

They are compared with the candidate alone, by the same test at 5 %: who is worse than a pinned
baseline at 1 % of all suites, and than fresh runs as well, is worse. So the rate of false alarms is
no higher, and a baseline that was lucky no longer raises one again and again.

Invariants (tests/analysis/gate/test_confirmation.py):
- an alarm stands where one of the scores that raised it is worse than in the fresh runs;
- where none is, the verdict is INCONCLUSIVE, which is green, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pytest_synebench.analysis.gate import rules
from pytest_synebench.analysis.gate.comparing import Case, compared, speaks
from pytest_synebench.analysis.gate.verdicts import Comparison, Judgement, Verdict

LEVEL = 0.05


def concluded(
    case: Case, judgement: Judgement, base: Mapping[str, Sequence[float]], commit: str
) -> Judgement:
    """Return the verdict once fresh runs of the base commit are known.

    Args:
        case: what is known of the setup.
        judgement: that it is worse.
        base: scores of fresh runs of the base commit.
        commit: its hash.
    """
    fresh = replace(case, baseline=base, paired=False)
    ones = compared(fresh, case.runs, case.runs, LEVEL)
    spoke = [one.score for one in judgement.comparisons if one.score in judgement.worse]
    still = [one.score for one in ones if one.score in spoke and _stands(one)]
    runs = len(next(iter(base.values())))
    where = f"{runs} fresh runs of the base commit {commit[:12]}"
    if still:
        note = f"confirmed: {', '.join(still)} worse than in {where} as well"
        return replace(judgement, details=(*judgement.details, note), confirmed=True)
    told = ", ".join(f"{one.score} p {one.p:.2g}" for one in ones if one.score in spoke)
    return replace(
        judgement,
        verdict=Verdict.INCONCLUSIVE,
        reason=f"worse than the baseline, but not than {where} ({told})",
        details=(*judgement.details, "the baseline's runs were lucky: save it again on its commit"),
        confirmed=False,
    )


def _stands(one: Comparison) -> bool:
    return speaks(replace(one, adjusted_p=one.p), LEVEL, rules.LEAST_A12)
