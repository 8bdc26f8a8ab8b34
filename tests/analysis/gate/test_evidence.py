"""Which run ids a comparison takes, and what fingerprints say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.analysis.baselines import Entry
from pytest_synebench.analysis.gate.evidence import (
    compare_fingerprints,
    fresh_run_ids,
    repeated_run_ids,
)

OFFSETS = st.one_of(st.integers(0, 50), st.integers(2**32 - 50, 2**32 - 1))


def entry(run_ids: list[int], offset: int) -> Entry:
    runs = {str(i): {"seed": (offset + i) % 2**32} for i in run_ids}
    prints: dict[str, dict[str, str]] = {str(i): {} for i in sorted(run_ids)[:2]}
    return Entry({"runs": runs, "random_seed_offset": offset, "fingerprints": prints})


@given(st.sets(st.integers(0, 60), min_size=1), OFFSETS, OFFSETS)
def test_seeds_of_baseline_and_candidate_are_disjoint(ids: set[int], then: int, now: int) -> None:
    one = entry(list(ids), then)
    fresh = fresh_run_ids(one, now, 15)
    assert len(set(fresh)) == 15
    assert not {(now + i) % 2**32 for i in fresh} & one.seeds
    if then == now:
        assert not set(fresh) & ids


def test_fresh_run_ids_are_the_smallest_there_are() -> None:
    assert fresh_run_ids(entry([0, 1, 3], 0), 0, 3) == (2, 4, 5)


def test_run_ids_are_repeated_only_with_the_same_offset() -> None:
    assert repeated_run_ids(entry([4, 2, 9], 5), 5) == (2, 4)
    assert repeated_run_ids(entry([4, 2, 9], 5), 6) == ()


def test_without_a_repeated_run_nothing_is_equal() -> None:
    assert compare_fingerprints(entry([1], 0), {}) == (None, ())
