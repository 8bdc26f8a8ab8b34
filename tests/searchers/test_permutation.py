from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.searchers.permutation import shuffled


@given(size=st.integers(1, 200), seed=st.integers())
def test_every_number_comes_at_exactly_one_place(size: int, seed: int) -> None:
    assert sorted(shuffled(i, size, seed) for i in range(size)) == list(range(size))


@given(size=st.integers(1, 10**15), seed=st.integers(), data=st.data())
def test_a_huge_order_stays_in_range(size: int, seed: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    assert 0 <= shuffled(index, size, seed) < size


def test_the_order_depends_on_the_key_and_is_no_stride() -> None:
    orders = [tuple(shuffled(i, 30, seed, "grid") for i in range(30)) for seed in range(20)]
    assert len(set(orders)) == 20
    assert all(len({(b - a) % 30 for a, b in pairwise(o)}) > 8 for o in orders)


def test_first_places_are_taken_evenly() -> None:
    # 2,000 keys, five numbers: 400 each, standard deviation 17.9; six of them: false alarm 1e-8.
    firsts = [shuffled(0, 5, seed) for seed in range(2000)]
    assert all(abs(firsts.count(number) - 400) < 108 for number in range(5))
