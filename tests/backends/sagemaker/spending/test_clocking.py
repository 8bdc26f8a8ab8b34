from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.backends.sagemaker.spending.clocking import Clocked
from pytest_synebench.backends.sagemaker.statuses import Seen, Standing

LOOKS = st.lists(st.tuples(st.sampled_from(list(Standing)), st.integers(0, 1000)), max_size=8)


def looked(*looks: tuple[Standing, float]) -> Clocked:
    clocked = Clocked()
    for standing, at_s in looks:
        clocked = clocked.after(Seen(standing=standing, modified_s=at_s))
    return clocked


def test_a_job_that_never_had_a_machine_has_taken_no_time() -> None:
    clocked = looked((Standing.WAITING, 0.0), (Standing.WAITING, 50.0), (Standing.ENDED, 90.0))
    assert (clocked.seconds(1000.0), clocked.placed) == (0.0, False)


def test_the_time_since_a_machine_was_seen_counts_whatever_is_seen_of_it() -> None:
    clocked = looked((Standing.WAITING, 0.0), (Standing.PLACED, 10.0), (Standing.PLACED, 40.0))
    assert (clocked.seconds(100.0), clocked.placed) == (90.0, True)
    assert looked((Standing.PLACED, 10.0), (Standing.ENDING, 40.0)).seconds(100.0) == 90.0


def test_while_it_waits_for_another_machine_no_time_passes() -> None:
    taken = looked((Standing.PLACED, 10.0), (Standing.INTERRUPTED, 25.0))
    assert (taken.seconds(1000.0), taken.placed) == (15.0, False)
    again = taken.after(Seen(standing=Standing.PLACED, modified_s=100.0))
    assert again.seconds(130.0) == 45.0


@given(looks=LOOKS)
def test_time_that_has_passed_is_never_taken_back(looks: list[tuple[Standing, int]]) -> None:
    ordered = sorted(looks, key=lambda look: look[1])
    known = [looked(*ordered[:count]).seconds(at) for count, (_, at) in enumerate(ordered, 1)]
    assert all(before <= after for before, after in pairwise(known))
    assert looked(*looks).seconds(0.0) >= 0.0
