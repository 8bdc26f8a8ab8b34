from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synebench.analysis.pictures.bands import Steps
from pytest_synebench.analysis.pictures.comparing import SHARES, standings

LABELS = ("a", "b", "c")
FALLING = st.lists(st.integers(-50, 50), min_size=1, max_size=4).map(
    lambda ys: [(float(x), float(y)) for x, y in enumerate(sorted(ys, reverse=True), 1)]
)
CURVES = st.dictionaries(
    st.sampled_from(["toy", "tower"]),
    st.fixed_dictionaries({label: st.lists(FALLING, min_size=1, max_size=3) for label in LABELS}),
    min_size=1,
)


@settings(max_examples=60)
@given(curves=CURVES)
def test_regret_falls_from_at_most_one_and_ranks_add_up(
    curves: dict[str, dict[str, list[Steps]]],
) -> None:
    found = standings(curves)
    assert set(found) == set(LABELS)
    for one in found.values():
        assert all(0 <= value <= 1 for value in one.regret)
        assert all(b <= a + 1e-9 for a, b in pairwise(one.regret))
        assert len(one.rank) == len(SHARES)
    for i in range(len(SHARES)):
        assert sum(one.rank[i] for one in found.values()) == pytest.approx(6)


@settings(max_examples=60)
@given(curves=CURVES, shift=st.integers(-99, 99), scale=st.sampled_from([0.25, 2.0, 1024.0]))
def test_scale_and_origin_of_a_metric_change_nothing(
    curves: dict[str, dict[str, list[Steps]]], shift: int, scale: float
) -> None:
    moved = {
        name: {
            label: [[(x, scale * y + shift) for x, y in run] for run in runs]
            for label, runs in by_label.items()
        }
        for name, by_label in curves.items()
    }
    before, after = standings(curves), standings(moved)
    for label in LABELS:
        assert after[label].regret == pytest.approx(before[label].regret, abs=1e-9)
        assert after[label].rank == before[label].rank


def test_the_best_run_of_a_benchmark_has_no_regret_and_the_first_rank() -> None:
    found = standings({"toy": {"a": [[(1.0, 9.0), (2.0, 1.0)]], "b": [[(1.0, 5.0)]]}})
    assert (found["a"].regret[-1], found["a"].rank[-1]) == (0.0, 1.0)
    assert (found["b"].regret[-1], found["b"].rank[-1]) == (0.5, 2.0)
    assert (found["a"].rank[0], found["b"].rank[0]) == (2.0, 1.0)


def test_benchmarks_that_lack_a_setup_compare_nothing() -> None:
    one: Steps = [(1.0, 2.0)]
    assert standings({"toy": {"a": [one]}, "tower": {"b": [one]}}) == {}
    found = standings({"toy": {"a": [one], "b": [one]}, "tower": {"a": [one]}})
    assert found["a"].benchmarks == 1
    assert standings({"toy": {"a": [one], "b": [[]]}}) == {}
