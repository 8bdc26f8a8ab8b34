"""How large a difference is, and how large it would have to be to be seen.

Losses are compared: the larger value is the worse one, what is not finite is worst
(``ranks.ordered``).

Invariants (tests/analysis/statistics/test_effects.py):
- a candidate made worse has an A12 and a shift that are no smaller;
- a constant added to every candidate value is added to the shift;
- the interval holds the shift, and 95 % of intervals hold the true one or more.

Sources: Vargha & Delaney, J. Educ. Behav. Stat. 25, 2000; Hodges & Lehmann, Ann. Math. Stat. 34,
1963; Noether, J. Am. Stat. Assoc. 82, 1987 (sample size of the rank-sum test).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

from pytest_synebench.analysis.statistics.ranks import Values, ordered, subset_sums


class Shift(NamedTuple):
    """How much worse the candidate's runs are, in units of the score; below 0: better."""

    middle: float
    low: float
    high: float


def a12(baseline: Values, candidate: Values) -> float:
    """Return the chance that a run of the candidate is worse than one of the baseline.

    Ties count half, so 0.5 is no difference.

    >>> a12([1, 2], [2, 3])
    0.875
    """
    twice = sum(
        2 * (ordered(c) > ordered(b)) + (ordered(c) == ordered(b))
        for c in candidate
        for b in baseline
    )
    return twice / (2 * len(baseline) * len(candidate))


def shift(baseline: Values, candidate: Values, level: float = 0.95) -> Shift:
    """Return the Hodges-Lehmann shift: the median over all pairs of candidate minus baseline.

    Its interval is that of the rank-sum test without ties, which covers more where there are some.

    >>> shift([0, 0, 0], [1, 2, 9])
    Shift(middle=2.0, low=-inf, high=inf)
    """
    differences = sorted(_difference(c, b) for c in candidate for b in baseline)
    outside = _outside(len(baseline), len(candidate), (1 - level) / 2)
    return Shift(
        middle(differences),
        differences[outside - 1] if outside else -math.inf,
        differences[-outside] if outside else math.inf,
    )


def _difference(candidate: float, baseline: float) -> float:
    candidate, baseline = ordered(candidate), ordered(baseline)
    # Two that have failed differ by nothing.
    return 0.0 if candidate == baseline else candidate - baseline


def middle(ascending: Sequence[float]) -> float:
    """Return the median of values in ascending order; from -inf to inf, 0 is the middle."""
    low = ascending[(len(ascending) - 1) // 2]
    high = ascending[len(ascending) // 2]
    if low == high:
        return low
    # Halved first: the sum of two large numbers is not finite.
    return 0.0 if math.isinf(low) and math.isinf(high) else low / 2 + high / 2


def _outside(runs: int, others: int, each: float) -> int:
    """Return how many differences lie outside of an interval, at either end."""
    counts = subset_sums(tuple(range(runs + others)), others)
    below, at, total = 0, others * (others - 1) // 2, sum(counts)
    outside = 0
    while (below := below + counts[at + outside]) <= each * total:
        outside += 1
    return outside


def detectable(baseline: Values, candidate_runs: int, level: float, power: float = 0.9) -> float:
    """Return the smallest shift of every run that the rank-sum test would most likely have seen.

    The baseline's own runs stand for what runs are like. ``inf``: none could be seen.

    Args:
        baseline: its scores.
        candidate_runs: how many runs it is compared with.
        level: p-value at which the test speaks.
        power: how likely it is to be seen.
    """
    finite = sorted(value for value in baseline if math.isfinite(value))
    runs = len(baseline)
    if len(finite) < 2 or 1 / math.comb(runs + candidate_runs, candidate_runs) > level:
        return math.inf
    wanted = _wanted_a12(runs, candidate_runs, level, power)
    # An A12 is reached where enough of the pairwise gaps have been overtaken.
    gaps = sorted(b - a for i, a in enumerate(finite) for j, b in enumerate(finite) if i != j)
    place = math.ceil(wanted * len(gaps)) - 1
    return max(0.0, gaps[place]) if place < len(gaps) else math.inf


def _wanted_a12(runs: int, others: int, level: float, power: float) -> float:
    normal = NormalDist()
    total = runs + others
    quantiles = normal.inv_cdf(1 - level) + normal.inv_cdf(power)
    return min(1.0, 0.5 + quantiles * math.sqrt(total / (12 * runs * others)))
