"""How much two rankings of the same trials differ, where small differences are noise.

Two trials whose losses in the lower rung differ by at most epsilon could as well stand the other
way round. A ranking in the upper rung agrees with the lower one if at each of its places stands a
trial that could stand there in the lower one. How large epsilon is, is up to the criterion:

- ``soft_ranking``: the noise that is seen, unless pasha_epsilon gives a number. Two learning curves
  that cross, and cross back, show that their difference is noise: epsilon is the 90th percentile of
  such differences, each taken at the highest level that both have reached; the one before while
  there is none, at first 0;
- ``soft_ranking_std``, ``soft_ranking_median_dst``, ``soft_ranking_mean_dst``: the standard
  deviation of the losses in the lower rung, the median or the mean of their distances from one
  another, times pasha_epsilon_scaling;
- ``direct_ranking``: 0, so that any change of places counts.

Invariants (tests/schedulers/halving/test_ranking.py holds each one):
- equal rankings agree, whatever epsilon is, and with epsilon infinite all do;
- a pair counts as noise only if its order changed and changed back, ties aside;
- losses that are no finite numbers give no epsilon, and stand last, equal to one another.

Agreement and epsilon are those of the authors' code in Syne Tune (tests/oracle).

Source: Bohdal et al., "PASHA", ICLR 2023, arXiv:2207.06940, sections 4.1 and 4.2: soft ranking,
and epsilon as the percentile N = 90. The other criteria: its appendix, as named in Syne Tune.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence

CRITERIA = (
    "soft_ranking",
    "soft_ranking_std",
    "soft_ranking_median_dst",
    "soft_ranking_mean_dst",
    "direct_ranking",
)


def agrees(lower: Sequence[float], upper: Sequence[float], epsilon: float) -> bool:
    """Whether the ranking in the upper rung agrees with the one in the lower rung.

    Args:
        lower: losses of some trials in the lower rung; of equal ones the earlier is better.
        upper: their losses in the upper rung, in the same order.
        epsilon: how far two losses may be apart in the lower rung and yet change places.

    >>> agrees([0.3, 0.2, 0.1], [0.5, 0.1, 0.2], epsilon=0.1)
    True
    >>> agrees([0.3, 0.2, 0.1], [0.1, 0.2, 0.5], epsilon=0.1)
    False
    """
    expected = sorted(lower)
    ranked = [lower[i] for i in sorted(range(len(upper)), key=lambda i: upper[i])]
    return all(a == b or abs(a - b) <= epsilon for a, b in zip(expected, ranked, strict=True))


def noise(one: Mapping[int, float], two: Mapping[int, float]) -> float | None:
    """Return how far two curves are apart at their last common level, if that is noise.

    Args:
        one: losses by level.
        two: losses by level, of another trial.

    Returns:
        The distance, where the curves have crossed and crossed back; else None.

    >>> noise({1: 0.5, 2: 0.4, 3: 0.25}, {1: 0.6, 2: 0.3, 3: 0.5})
    0.25
    """
    levels = sorted(one.keys() & two.keys(), reverse=True)
    signs = [_sign(one[level] - two[level]) for level in levels]
    if not signs or not signs[0]:
        return None
    crossed = signs.index(-signs[0]) if -signs[0] in signs else len(signs)
    distance = abs(one[levels[0]] - two[levels[0]])
    return distance if signs[0] in signs[crossed:] and math.isfinite(distance) else None


def spread(criterion: str, losses: Sequence[float]) -> float:
    """Return the epsilon of a criterion that looks at the losses of the lower rung alone.

    >>> round(spread("soft_ranking_mean_dst", [0.1, 0.2, 0.4]), 3)
    0.2
    """
    finite = [loss for loss in losses if math.isfinite(loss)]
    if len(finite) < 2 or criterion not in _SPREADS:
        return 0.0
    return _SPREADS[criterion](finite)


def _sign(difference: float) -> int:
    return (difference > 0) - (difference < 0)


def _distances(losses: Sequence[float]) -> list[float]:
    return [abs(a - b) for a, b in itertools.combinations(losses, 2)]


_SPREADS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "soft_ranking_std": statistics.pstdev,
    "soft_ranking_median_dst": lambda losses: statistics.median(_distances(losses)),
    "soft_ranking_mean_dst": lambda losses: statistics.fmean(_distances(losses)),
}
