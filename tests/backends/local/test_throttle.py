from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.backends.local.throttle import Throttle

RATES = st.sampled_from([0.5, 1.0, 3.0, 10.0, 1000.0])
BURSTS = st.integers(0, 100)
READINGS = st.lists(st.tuples(st.integers(0, 200), st.floats(0, 3)), min_size=1, max_size=40)
A_MICROSECOND = 1e-6


@given(rate=RATES, burst=BURSTS, readings=READINGS, start=st.floats(0, 1e6))
def test_whoever_waits_as_told_takes_no_more_than_the_rate_over_any_stretch_of_time(
    rate: float, burst: int, readings: list[tuple[int, float]], start: float
) -> None:
    throttle = Throttle(rate, burst)
    now_s, taken = start, []
    for count, idle_s in readings:
        wait_s = throttle.take(count, now_s)
        taken.append((now_s, count))
        now_s += wait_s + idle_s

    for first in range(len(taken)):
        for last in range(first, len(taken)):
            stretch_s = taken[last][0] - taken[first][0]
            before_last = sum(count for _, count in taken[first:last])
            assert before_last <= burst + rate * (stretch_s + (last + 1) * A_MICROSECOND)


@given(rate=RATES, burst=BURSTS, readings=READINGS, start=st.floats(0, 1e6))
def test_nobody_waits_longer_than_what_was_taken_takes_at_the_rate(
    rate: float, burst: int, readings: list[tuple[int, float]], start: float
) -> None:
    throttle = Throttle(rate, burst)
    now_s = start
    for count, idle_s in readings:
        wait_s = throttle.take(count, now_s)
        # What was left unpaid is less than a microsecond's worth, each time.
        assert 0.0 <= wait_s <= count / rate + 2 * A_MICROSECOND
        now_s += wait_s
        assert throttle.take(0, now_s) == 0.0
        now_s += idle_s


@given(readings=st.lists(st.tuples(st.integers(0, 20), st.floats(0, 5)), max_size=40))
def test_a_script_below_the_rate_never_waits(readings: list[tuple[int, float]]) -> None:
    throttle = Throttle(rate_per_s=10.0, burst=20)
    now_s = 0.0
    for count, idle_s in readings:
        now_s += idle_s + count / 10.0 + A_MICROSECOND
        assert throttle.take(count, now_s) == 0.0


def test_a_flood_is_paid_for_and_then_goes_on() -> None:
    throttle = Throttle(rate_per_s=100.0, burst=50)
    assert throttle.take(650, now_s=7.0) == 6.0
    assert throttle.take(0, now_s=10.0) == 3.0
    assert throttle.take(0, now_s=13.0) == 0.0
    assert throttle.take(1, now_s=13.0) == 0.01  # a burst comes back with time alone
    assert throttle.take(0, now_s=99.0) == 0.0
    assert throttle.take(50, now_s=99.0) == 0.0


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 200), st.floats(0, 3), st.floats(0, 1e5)), min_size=1, max_size=40
    )
)
def test_time_that_stands_still_or_jumps_back_gives_nothing_and_takes_nothing(
    steps: list[tuple[int, float, float]],
) -> None:
    steady, jumping = Throttle(10.0, 20), Throttle(10.0, 20)
    steady_s, jumping_s = 0.0, 1e6
    for count, passed_s, back_s in steps:
        steady_s, jumping_s = steady_s + passed_s, jumping_s + passed_s
        told = steady.take(count, steady_s), jumping.take(count, jumping_s)
        jumping_s -= back_s
        back = steady.take(0, steady_s), jumping.take(0, jumping_s)
        for one, other in (told, back):
            assert abs(one - other) < len(steps) * A_MICROSECOND
