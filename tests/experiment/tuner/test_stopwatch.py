from __future__ import annotations

from contextlib import suppress

from pytest_synebench.clock import VirtualClock
from pytest_synebench.experiment.tuner.stopwatch import Stopwatch


def test_time_between_two_sessions_counts_for_nothing() -> None:
    clock = VirtualClock()
    first = Stopwatch(clock)
    clock.advance(5.0)
    assert first.total_s() == first.session_s() == 5.0
    clock.advance(100.0)
    second = Stopwatch(clock, 5.0)
    clock.advance(2.0)
    assert second.total_s() == 7.0
    assert second.session_s() == 2.0


def test_time_in_which_nobody_pumps_is_not_pumped_time() -> None:
    clock = VirtualClock()
    watch = Stopwatch(clock)
    clock.advance(10.0)
    assert watch.pumped_s() == 0.0
    with watch.pumping():
        clock.advance(3.0)
        assert watch.pumped_s() == 3.0
    clock.advance(10.0)
    assert watch.pumped_s() == 3.0


def test_time_that_an_error_cuts_short_is_pumped_all_the_same() -> None:
    clock = VirtualClock()
    watch = Stopwatch(clock)
    with suppress(KeyboardInterrupt), watch.pumping():
        clock.advance(3.0)
        raise KeyboardInterrupt
    clock.advance(10.0)
    assert watch.pumped_s() == 3.0


def test_a_stopped_process_is_not_pumping() -> None:
    clock = VirtualClock()
    watch = Stopwatch(clock)
    with watch.pumping():
        with watch.waiting(1.0):
            clock.advance(6.0)  # a busy machine
        assert watch.pumped_s() == 6.0
        with watch.waiting(1.0):
            clock.advance(61.0)  # SIGSTOP, and SIGCONT a minute later
        assert watch.pumped_s() == 12.0
    assert watch.pumped_s() == 12.0
    assert watch.total_s() == 67.0
