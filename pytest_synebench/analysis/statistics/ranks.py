"""Rank tests, exact with ties: the null distribution is counted, in integers of any size.

Losses are compared, so the larger value is the worse one. A value that is not finite (a run that
failed or diverged) is worse than every finite one, and as bad as every other of its kind.

Invariants (tests/analysis/statistics/test_ranks.py):
- equal values give equal p-values, whatever their order, their scale, or the machine;
- without ties the p-value is that of Mann and Whitney, with ties that of all relabellings;
- without ties, a candidate made worse never has a larger p-value.

With ties the last one does not hold of any exact test on mid-ranks: a tie that is broken changes
what chance could have done. [1, 1, 2, 2, 1, 1] against [0, 0, 0, 0, 2] has p = 0.015; with one of
its ones at 1.5 it has 0.041.

Sources: Mann & Whitney, Ann. Math. Stat. 18, 1947; Wilcoxon, Biometrics 1, 1945; van Elteren,
Bull. Inst. Int. Stat. 37, 1960 (strata, here with equal weights).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

Values = Sequence[float]


def ordered(value: float) -> float:
    """Return a value with its place in the order: what is not finite is worst.

    >>> ordered(float("nan")), ordered(float("-inf")), ordered(1)
    (inf, inf, 1.0)
    """
    return float(value) if math.isfinite(value) else math.inf


def doubled_ranks(values: Values) -> list[int]:
    """Return twice the mid-rank of each value, so that ties have integers too.

    >>> doubled_ranks([10.0, 30.0, 20.0, 20.0])
    [2, 8, 5, 5]
    """
    keys = [ordered(value) for value in values]
    out = [0] * len(keys)
    below = 0
    for _, group in groupby(sorted(range(len(keys)), key=keys.__getitem__), keys.__getitem__):
        places = list(group)
        for place in places:
            out[place] = 2 * below + len(places) + 1
        below += len(places)
    return out


def rank_sum_p(baseline: Values, candidate: Values) -> float:
    """Return how often chance alone makes the candidate look this bad, or worse.

    The exact one-sided rank-sum test: the share of all ways to call as many of the pooled values
    "candidate" that have at least the candidate's rank sum.

    >>> rank_sum_p([1, 2, 3], [4, 5])  # one way of ten
    0.1
    >>> rank_sum_p([1, 1], [1, 1])
    1.0
    """
    if not baseline or not candidate:
        return 1.0
    return stratified_p([([baseline], [candidate])])


def stratified_p(strata: Sequence[tuple[Sequence[Values], Sequence[Values]]]) -> float:
    """Return the same over several strata at once: whether candidates are worse on the whole.

    Each stratum (a benchmark) has, for baseline and candidate, one sequence of values per score,
    in the order of the runs: a run has all of its scores under one label, so that scores of one
    run may depend on each other.
    """
    observed, nulls = 0, []
    for baseline, candidate in strata:
        runs = len(baseline[0])
        ranks = [doubled_ranks([*b, *c]) for b, c in zip(baseline, candidate, strict=True)]
        sums = [sum(of_run) for of_run in zip(*ranks, strict=True)]
        least, step = _grid(sums)
        steps = tuple((value - least) // step for value in sums)
        observed += step * sum(steps[runs:])
        nulls.append(_stretched(subset_sums(tuple(sorted(steps)), len(steps) - runs), step))
    counts = _convolved(nulls)
    return sum(counts[observed:]) / sum(counts)


def _grid(sums: Sequence[int]) -> tuple[int, int]:
    least = min(sums)
    return least, math.gcd(*(value - least for value in sums)) or 1


def _stretched(counts: tuple[int, ...], step: int) -> tuple[int, ...]:
    if step == 1:
        return counts
    out = [0] * ((len(counts) - 1) * step + 1)
    out[::step] = counts
    return tuple(out)


@lru_cache(maxsize=4096)
def subset_sums(values: tuple[int, ...], size: int) -> tuple[int, ...]:
    """Return, by sum, how many subsets of a size have it; values are integers from 0 up.

    >>> subset_sums((0, 1, 2), 2)
    (0, 1, 1, 1)
    """
    # A polynomial is one integer, a coefficient per so many bits: Python adds those at once.
    bits = math.comb(len(values), size).bit_length()
    by_size = [1] + [0] * size
    for value in values:
        for chosen in range(size, 0, -1):
            by_size[chosen] += by_size[chosen - 1] << (value * bits)
    return _coefficients(by_size[size], bits)


def _coefficients(packed: int, bits: int) -> tuple[int, ...]:
    mask, out = (1 << bits) - 1, []
    whole = packed.to_bytes((packed.bit_length() + 7) // 8 + 8, "little")
    for at in range(0, packed.bit_length(), bits):
        part = int.from_bytes(whole[at // 8 : (at + bits) // 8 + 1], "little")
        out.append((part >> (at % 8)) & mask)
    return tuple(out)


def _convolved(nulls: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the distribution of a sum; by pairs, so that few large products are made."""
    if not nulls:
        return (1,)
    while len(nulls) > 1:
        pairs = [nulls[at : at + 2] for at in range(0, len(nulls), 2)]
        nulls = [_product(*pair) if len(pair) > 1 else pair[0] for pair in pairs]
    return nulls[0]


def _product(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...]:
    bits = (sum(left) * sum(right)).bit_length()
    return _coefficients(_packed(left, bits) * _packed(right, bits), bits)


def _packed(counts: tuple[int, ...], bits: int) -> int:
    text = "".join(f"{count:0{bits}b}" for count in reversed(counts))
    return int(text, 2)


def signed_rank_p(differences: Values) -> float:
    """Return the exact one-sided p-value of paired differences, candidate minus baseline.

    Zero differences have no sign and are left out; ties of size have mid-ranks.

    >>> signed_rank_p([1, 2, 3])  # one of eight ways to give signs
    0.125
    """
    told = [difference for difference in differences if difference]
    ranks = doubled_ranks([abs(difference) for difference in told])
    observed = sum(rank for rank, difference in zip(ranks, told, strict=True) if difference > 0)
    counts = _convolved([(1, *[0] * (rank - 1), 1) for rank in ranks])
    return sum(counts[observed:]) / sum(counts)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number: each may be compared with the level itself.

    Source: Holm, Scand. J. Stat. 6, 1979.

    >>> holm([0.01, 0.5, 0.02])
    [0.03, 0.5, 0.04]
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    out, largest = [0.0] * len(p_values), 0.0
    for place, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[index]))
        out[index] = largest
    return out
