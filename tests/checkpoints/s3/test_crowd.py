"""How many files are under way at once: by their sizes."""

from __future__ import annotations

from threading import Barrier, Lock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.checkpoints.hashing import PART_BYTES
from pytest_synebench.checkpoints.s3 import crowd
from pytest_synebench.checkpoints.s3.pace import MOST

EDGES = [edge + by for edge in (crowd.MOST_BYTES // MOST, PART_BYTES) for by in (0, 1)]
SIZES = st.dictionaries(
    st.text("abc/", min_size=1),
    st.sampled_from(EDGES) | st.integers(0, 2 * crowd.MOST_BYTES),
    max_size=60,
)


@given(sizes=SIZES)
def test_no_more_bytes_than_those_of_a_long_files_parts_are_under_way(
    sizes: dict[str, int],
) -> None:
    crowds = crowd._crowds(sizes)
    assert sorted(name for _, names in crowds for name in names) == sorted(sizes)
    for count, names in crowds:
        largest = sorted((sizes[name] for name in names), reverse=True)[:count]
        assert sum(largest) <= max(crowd.MOST_BYTES, largest[0] if count == 1 else 0)


@given(sizes=SIZES)
def test_each_is_done_once(sizes: dict[str, int]) -> None:
    done: list[str] = []
    crowd.at_once(done.append, sizes)
    assert sorted(done) == sorted(sizes)


def test_files_of_the_largest_size_of_their_kind_are_no_more_bytes() -> None:
    for size in EDGES:
        [(count, _)] = crowd._crowds(dict.fromkeys("abcdefghijklmnopqrst", size))
        assert count == 1 or count * size <= crowd.MOST_BYTES


def test_small_ones_are_under_way_together() -> None:
    together = Barrier(MOST, timeout=60)  # breaks where fewer come
    crowd.at_once(lambda name: together.wait(), dict.fromkeys(map(str, range(MOST)), 5))


def test_long_ones_go_one_by_one() -> None:
    alone = Lock()

    def work(name: str) -> None:
        assert alone.acquire(blocking=False)
        alone.release()

    crowd.at_once(work, dict.fromkeys(map(str, range(9)), PART_BYTES + 1))


def test_nothing_is_begun_after_an_error() -> None:
    begun: list[str] = []

    def work(name: str) -> None:
        begun.append(name)
        raise OSError(name)

    with pytest.raises(OSError, match=r"^\d+$"):
        crowd.at_once(work, dict.fromkeys(map(str, range(500)), PART_BYTES + 1))
    assert len(begun) == 1
