"""Rank tests: worked by hand, against scipy, and over any values."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pytest_synebench.analysis.statistics.ranks import (
    doubled_ranks,
    holm,
    rank_sum_p,
    signed_rank_p,
    stratified_p,
    subset_sums,
)

ANY = st.floats()  # NaN, infinities and 1e±300 among them
FEW = st.sampled_from([0.0, 1.0, 2.0, 5.0, math.inf])
VALUES = st.one_of(st.lists(ANY, min_size=1, max_size=6), st.lists(FEW, min_size=1, max_size=6))
UNTIED = st.lists(st.integers(-1000, 1000), min_size=3, max_size=12, unique=True)


def by_enumeration(baseline: list[float], candidate: list[float]) -> float:
    ranks = doubled_ranks([*baseline, *candidate])
    observed = sum(ranks[len(baseline) :])
    sums = [sum(some) for some in itertools.combinations(ranks, len(candidate))]
    return sum(one >= observed for one in sums) / len(sums)


@given(VALUES, VALUES)
def test_the_p_value_is_the_share_of_relabellings(
    baseline: list[float], candidate: list[float]
) -> None:
    assert rank_sum_p(baseline, candidate) == by_enumeration(baseline, candidate)


@pytest.mark.parametrize(("runs", "others"), [(20, 5), (20, 15), (20, 20), (6, 1), (30, 20)])
def test_without_ties_it_is_mann_and_whitney_s(runs: int, others: int) -> None:
    chance = random.Random(runs + others)
    baseline = [chance.gauss(0, 1) for _ in range(runs)]
    candidate = [chance.gauss(0.5, 1) for _ in range(others)]
    theirs = stats.mannwhitneyu(candidate, baseline, alternative="greater", method="exact")
    assert rank_sum_p(baseline, candidate) == pytest.approx(theirs.pvalue, rel=1e-9)


@given(VALUES, VALUES, st.randoms())
def test_the_order_of_values_does_not_matter(
    baseline: list[float], candidate: list[float], chance: random.Random
) -> None:
    before = rank_sum_p(baseline, candidate)
    chance.shuffle(baseline)
    chance.shuffle(candidate)
    assert rank_sum_p(baseline, candidate) == before


@given(UNTIED, st.data())
def test_a_monotone_scale_does_not_matter(values: list[int], data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(values) - 1))
    for scale in (lambda v: v * 1e300 / 1000, lambda v: v * 1e-300, lambda v: math.exp(v / 100)):
        scaled = [scale(value) for value in values]
        assert rank_sum_p(scaled[:at], scaled[at:]) == rank_sum_p(values[:at], values[at:])


@given(UNTIED, st.data())
def test_an_untied_candidate_made_worse_has_no_larger_p_value(
    values: list[int], data: st.DataObject
) -> None:
    at = data.draw(st.integers(1, len(values) - 1))
    worse = list(map(float, values))
    worse[data.draw(st.integers(at, len(values) - 1))] += data.draw(st.integers(0, 2000)) + 0.5
    assert rank_sum_p(worse[:at], worse[at:]) <= rank_sum_p(values[:at], values[at:])


def test_with_ties_a_candidate_made_worse_may_have_a_larger_p_value() -> None:
    baseline = [0, 0, 0, 0, 2]
    assert rank_sum_p(baseline, [1, 1, 2, 2, 1, 1]) == pytest.approx(7 / 462)
    assert rank_sum_p(baseline, [1.5, 1, 2, 2, 1, 1]) == pytest.approx(19 / 462)


def test_all_equal_is_no_evidence() -> None:
    assert rank_sum_p([3.0] * 20, [3.0] * 15) == 1.0
    assert rank_sum_p([math.nan] * 3, [math.inf, -math.inf]) == 1.0


def test_a_run_that_failed_is_worse_than_the_worst_number() -> None:
    assert rank_sum_p([1e300, 1.0, 2.0], [math.nan]) == 0.25


def test_nothing_to_compare_is_no_evidence() -> None:
    assert rank_sum_p([], [1.0]) == rank_sum_p([1.0], []) == stratified_p([]) == 1.0


def test_strata_add_up() -> None:
    # Each alone: one way of three. Both together: one way of nine.
    assert rank_sum_p([1, 2], [3]) == pytest.approx(1 / 3)
    assert stratified_p([([[1, 2]], [[3]]), ([[10, 20]], [[30]])]) == pytest.approx(1 / 9)


def test_scores_of_one_run_are_relabelled_together() -> None:
    # Twice the same score is the same evidence, not twice as much.
    twice = stratified_p([([[1, 2, 3, 4]] * 2, [[5, 6]] * 2)])
    assert twice == rank_sum_p([1, 2, 3, 4], [5, 6]) == pytest.approx(1 / 15)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.data())
def test_subset_sums_counts_subsets(values: list[int], data: st.DataObject) -> None:
    size = data.draw(st.integers(0, len(values)))
    counts = subset_sums(tuple(values), size)
    for total, count in enumerate(counts):
        assert count == sum(sum(some) == total for some in itertools.combinations(values, size))
    assert sum(counts) == math.comb(len(values), size)


def test_signed_ranks_agree_with_scipy() -> None:
    chance = random.Random(5)
    differences = [chance.gauss(0.3, 1) for _ in range(12)]
    theirs = stats.wilcoxon(differences, alternative="greater", method="exact")
    assert signed_rank_p(differences) == pytest.approx(theirs.pvalue)


def test_pairs_that_are_equal_have_no_sign() -> None:
    assert signed_rank_p([0.0, 0.0]) == 1.0
    assert signed_rank_p([0.0, 1.0, 1.0]) == 0.25


def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_lies_between_the_p_value_and_bonferroni_s(p_values: list[float]) -> None:
    for adjusted, p in zip(holm(p_values), p_values, strict=True):
        assert p <= adjusted <= min(1.0, p * len(p_values))
