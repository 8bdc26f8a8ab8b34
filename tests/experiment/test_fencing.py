from __future__ import annotations

import os
from pathlib import Path

import pytest
from scripted_backend import ScriptedBackend
from toy_plan import toy_plan

from pytest_synebench.clock import SystemClock, VirtualClock
from pytest_synebench.errors import RunError, UsageError
from pytest_synebench.experiment import fencing
from pytest_synebench.experiment.journal.journal import Journal
from pytest_synebench.experiment.store import directories
from pytest_synebench.experiment.store.holder import Doing, Holder

CLOCK = SystemClock()


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show every holder as stopped."""
    monkeypatch.setattr(Holder, "doing", lambda _: Doing.STOPPED)


@pytest.mark.usefixtures("stopped")
def test_nobody_is_fenced_for_a_plan_that_cannot_go_on(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path)
    lease = fencing.take(tmp_path, plan, CLOCK, takeover=False)
    journal = Journal(tmp_path / "journal.jsonl", guard=lease.check)
    journal.begin(directories.identity(plan))
    lease.rest()
    other = toy_plan(tmp_path, random_seed_offset=5)
    with pytest.raises(UsageError, match="seed: 0 then, 5 now"):
        fencing.take(tmp_path, other, CLOCK, takeover=True)
    lease.check()
    winner = fencing.take(tmp_path, plan, CLOCK, takeover=True)
    assert winner.taken_from is not None
    with pytest.raises(RunError, match=f"was taken over by pid {os.getpid()} on "):
        lease.check()
    journal.close()
    lease.release()
    winner.release()


@pytest.mark.usefixtures("stopped")
def test_a_run_can_be_taken_over_while_its_holder_polls_and_at_no_other_time(
    tmp_path: Path,
) -> None:
    plan = toy_plan(tmp_path)
    lease = fencing.take(tmp_path, plan, CLOCK, takeover=False)
    winners = []

    class Polled(ScriptedBackend):
        def poll(self, timeout_s: float) -> list:  # type: ignore[type-arg] # of observations
            winners.append(fencing.take(tmp_path, plan, CLOCK, takeover=True))
            return super().poll(timeout_s)

    backend = fencing.FencedBackend(Polled(VirtualClock()), lease)
    with pytest.raises(RunError, match="in the middle of a step"):
        fencing.take(tmp_path, plan, CLOCK, takeover=True)
    with pytest.raises(RunError, match="was taken over by pid"):
        backend.poll(1.0)
    (winner,) = winners
    winner.check()
    winner.release()
    lease.release()
