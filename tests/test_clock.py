from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.clock import SystemClock, VirtualClock


def test_the_system_clock_follows_the_monotonic_one_not_the_wall(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(time, "monotonic", lambda: 12.5)
    assert SystemClock().now_s() == 12.5


def test_utc_is_the_wall_clock_with_its_zone() -> None:
    assert SystemClock().utc().utcoffset() == timedelta(0)


@given(moves=st.lists(st.floats(0, 1e9), max_size=20))
def test_a_virtual_clock_moves_by_what_it_is_told_and_never_alone(moves: list[float]) -> None:
    clock = VirtualClock()
    expected = 0.0
    for seconds in moves:
        clock.advance(seconds)
        expected += seconds
        assert clock.now_s() == clock.now_s() == expected


def test_a_virtual_clock_does_not_go_back() -> None:
    clock = VirtualClock(now_s=5.0)
    with pytest.raises(ValueError, match=r"does not go back: advance\(-0.5\)"):
        clock.advance(-0.5)
    assert clock.now_s() == 5.0


def test_a_virtual_clock_keeps_the_utc_it_was_given() -> None:
    when = datetime(2024, 5, 1, tzinfo=UTC)
    clock = VirtualClock(utc=when)
    clock.advance(60)
    assert clock.utc() == when


def test_a_virtual_clock_is_moved_to_a_moment_exactly_and_never_back() -> None:
    clock = VirtualClock(0.1)
    clock.move_to(0.1 + 0.2)
    assert clock.now_s() == 0.1 + 0.2
    with pytest.raises(ValueError, match="does not go back"):
        clock.move_to(0.1)
