from __future__ import annotations

from pathlib import Path

import pytest
from tuner_bench import Bench, finish, states

from pytest_synebench.clock import VirtualClock
from pytest_synebench.events import Decision, Event, SlotFreed
from pytest_synebench.trial import TrialState


def test_no_trial_is_to_blame_for_how_long_a_config_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuner = Bench(tmp_path, {"scheduler": "fifo", "progress_timeout": 10.0}).session()
    clock, decide = tuner.parts.clock, tuner.parts.scheduler.decide
    assert isinstance(clock, VirtualClock)

    def slowly(event: Event) -> tuple[Decision, ...]:
        if isinstance(event, SlotFreed):
            clock.advance(100.0)
        return decide(event)

    monkeypatch.setattr(tuner.parts.scheduler, "decide", slowly)
    finish(tuner)
    assert states(tuner) == [TrialState.COMPLETED] * 9
