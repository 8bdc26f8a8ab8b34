from __future__ import annotations

import pytest

from pytest_synebench.emulator.clock import Clock


def test_a_driven_clock_moves_only_when_it_is_told_to() -> None:
    clock = Clock(driven=True)
    before_s = clock.now_s()
    assert clock.now_s() == before_s
    clock.advance(120.0)
    assert clock.now_s() == before_s + 120.0


def test_no_clock_goes_back() -> None:
    clock = Clock()
    before_s = clock.now_s()
    assert clock.now_s() >= before_s
    for seconds in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="does not go back"):
            clock.advance(seconds)
