"""Equal run ids compared pair by pair: how often the candidate is worse, by how much.

Two runs of one run id share their random numbers, so their difference may vary far less than
either. What is not finite is worst; a pair in which both have failed differs by nothing.

Invariants (tests/analysis/statistics/test_paired.py):
- a constant added to every candidate value is added to the shift;
- 95 % of intervals hold the true shift, or more;
- fewer pairs than a level needs detect nothing.

Source: Wilcoxon, Biometrics 1, 1945; Hodges & Lehmann, Ann. Math. Stat. 34, 1963 (one sample).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from statistics import NormalDist

from pytest_synebench.analysis.statistics.effects import Shift, middle
from pytest_synebench.analysis.statistics.ranks import Values, ordered


def differences(baseline: Values, candidate: Values) -> list[float]:
    """Return candidate minus baseline, pair by pair.

    >>> differences([1, 2], [3, float("nan")])
    [2.0, inf]
    """
    pairs = [(ordered(b), ordered(c)) for b, c in zip(baseline, candidate, strict=True)]
    return [0.0 if c == b else c - b for b, c in pairs]


def worse_share(apart: Values) -> float:
    """Return the share of pairs in which the candidate is worse; no difference counts half.

    >>> worse_share([1, 0, -1, 2])
    0.625
    """
    return sum((one > 0) + 0.5 * (one == 0) for one in apart) / len(apart)


def paired_shift(apart: Values, level: float = 0.95) -> Shift:
    """Return the median of all means of two differences, with its interval.

    >>> paired_shift([1, 2, 3]).middle
    2.0
    """
    means = sorted(
        one if one == other else one / 2 + other / 2
        for i, one in enumerate(apart)
        for other in apart[i:]
        if not math.isnan(one + other)
    ) or [0.0]
    outside = min(_outside(len(apart), (1 - level) / 2), (len(means) - 1) // 2)
    return Shift(
        middle(means),
        means[outside - 1] if outside else -math.inf,
        means[-outside] if outside else math.inf,
    )


def _outside(pairs: int, each: float) -> int:
    """Return how many means lie outside of an interval, at either end."""
    below = accumulate(_sums(pairs))
    return sum(1 for count in below if count <= each * 2**pairs)


def _sums(pairs: int) -> list[int]:
    """Return, by sum, in how many ways the ranks 1 to ``pairs`` are chosen from."""
    counts = [1]
    for rank in range(1, pairs + 1):
        longer = [*counts, *[0] * rank]
        counts = [
            count + (counts[at - rank] if at >= rank else 0) for at, count in enumerate(longer)
        ]
    return counts


def paired_detectable(apart: Sequence[float], level: float, power: float = 0.9) -> float:
    """Return the smallest shift that these pairs would most likely have shown; ``inf``: none."""
    told = paired_shift(apart)
    if 2.0 ** -len(apart) > level or not math.isfinite(told.high - told.low):
        return math.inf
    normal = NormalDist()
    half = (told.high - told.low) / 2
    return half * (normal.inv_cdf(1 - level) + normal.inv_cdf(power)) / normal.inv_cdf(0.975)
