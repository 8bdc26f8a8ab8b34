"""One score of one setup, baseline against candidate: the exact test, and how large the effect is.

Invariants (tests/analysis/gate/test_comparing.py):
- of a score that is to stay the same, either direction is worse, at twice the p-value;
- a score that is to be high is compared as its negative, which is shown;
- paired runs are compared pair by pair, as many as the candidate has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from pytest_synebench.analysis.curves import FINAL
from pytest_synebench.analysis.gate.verdicts import Comparison
from pytest_synebench.analysis.statistics.effects import Shift, a12, detectable, shift
from pytest_synebench.analysis.statistics.paired import (
    differences,
    paired_detectable,
    paired_shift,
    worse_share,
)
from pytest_synebench.analysis.statistics.ranks import Values, ordered, rank_sum_p, signed_rank_p
from pytest_synebench.scoring import Declared

Scores = Mapping[str, Values]  #: by name, one value per run, in the order of the runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is known of one setup."""

    name: str  #: benchmark::setup
    baseline: Scores
    candidate: Scores  #: in the order in which runs were asked for
    declared: Mapping[str, Declared] = field(default_factory=dict)  #: scores beside the two
    paired: bool = False  #: whether run i of the candidate has the run id of the baseline's i
    tolerance: float = 0.0  #: shift that is put up with, in units of the metric
    same: bool | None = None  #: whether the fingerprints are equal; None: not compared
    refused: str = ""  #: why no comparison would mean anything
    differences: tuple[str, ...] = ()  #: why the two are of different problems
    notes: tuple[str, ...] = ()  #: for people: where decisions first differ, and the like
    stored: bool = False  #: runs are what there is: one look at all of them

    @property
    def runs(self) -> int:
        """Runs of the candidate."""
        return len(self.candidate[FINAL])


def compared(case: Case, runs: int, final_runs: int, level: float) -> tuple[Comparison, ...]:
    """Return every score of the first runs of a candidate.

    Args:
        case: what is known.
        runs: of the candidate.
        final_runs: of the candidate at the last look.
        level: p-value at which a single test speaks.
    """
    return tuple(
        _compared(case, score, case.candidate[score][:runs], final_runs, level)
        for score in case.baseline
    )


def _compared(case: Case, score: str, now: Values, final_runs: int, level: float) -> Comparison:
    how = case.declared.get(score, Declared("min", case.tolerance))
    before = case.baseline[score]
    if how.direction == "max":
        before, now = _negated(before), _negated(now)
    sign, p = 1.0, _p(case, before, now)
    if how.direction == "same" and (other := _p(case, _negated(before), _negated(now))) < p:
        sign, p = -1.0, other
    effect = _effect(case, before, now, final_runs, level)
    share, middle, seen = effect
    return Comparison(
        score=score,
        p=min(1.0, 2 * p) if how.direction == "same" else p,
        a12=share if sign > 0 else 1 - share,
        shift=middle.middle,
        low=middle.low,
        high=middle.high,
        tolerance=how.tolerance,
        detectable=seen,
        baseline_median=median(map(ordered, before)),
        candidate_median=median(map(ordered, now)),
        tied=_most_common(before) > len(before) / 2,
        either=how.direction == "same",
    )


def _negated(values: Values) -> list[float]:
    return [-value for value in values]


def _p(case: Case, before: Values, now: Values) -> float:
    if case.paired:
        return signed_rank_p(differences(before[: len(now)], now))
    return rank_sum_p(before, now)


def _effect(
    case: Case, before: Values, now: Values, final_runs: int, level: float
) -> tuple[float, Shift, float]:
    """Return the share of worse pairs, the shift, and the shift that would have been seen."""
    if case.paired:
        apart = differences(before[: len(now)], now)
        return worse_share(apart), paired_shift(apart), paired_detectable(apart, level)
    return a12(before, now), shift(before, now), detectable(before, final_runs, level)


def _most_common(values: Values) -> int:
    keys = [ordered(value) for value in values]
    return max(keys.count(key) for key in keys)


def speaks(one: Comparison, level: float, least: float) -> bool:
    """Whether a comparison is an alarm: improbable by chance, and large enough to matter.

    Args:
        one: adjusted for all tests.
        level: of all tests together.
        least: share of pairs in which the candidate must be worse.
    """
    return (
        one.adjusted_p is not None
        and one.adjusted_p <= level
        and one.a12 >= least
        and (abs(one.shift) if one.either else one.shift) > one.tolerance
    )


def failed_runs(case: Case, runs: int) -> int:
    """Return how many of the first runs of a candidate measured nothing."""
    return sum(not math.isfinite(value) for value in case.candidate[FINAL][:runs])
