"""The copy that waits for its order, in a supervisor that is real."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from supervisor_bench import WAIT, Bench, gone

PID = "import os; print(os.getpid())"


@pytest.fixture
def warm(bench: Bench) -> Bench:
    bench.start("json")
    assert bench.hear() == {"is": "warm"}
    return bench


def spare_of(bench: Bench) -> int:
    """Return the process id of the spare, once there is one and nothing else below."""
    children = Path(f"/proc/{bench.process.pid}/task/{bench.process.pid}/children")
    while not (pids := children.read_text().split()):
        os.sched_yield()
    (pid,) = pids
    return int(pid)


def test_an_attempt_runs_in_the_process_that_waited(warm: Bench) -> None:
    waited = spare_of(warm)
    attempt = warm.launch(PID, interpreter=None)
    assert warm.begun(attempt) == waited
    assert warm.ended(attempt) == (0, 0)
    assert attempt.rest() == f"{waited}\n"


def test_each_spare_runs_one_order(warm: Bench) -> None:
    seen = set()
    for _ in range(3):
        attempt = warm.launch(PID, interpreter=None)
        seen.add(warm.begun(attempt))
        assert warm.ended(attempt) == (0, 0)
    assert len(seen) == 3


def test_two_orders_at_once_are_two_processes(warm: Bench) -> None:
    attempts = [warm.launch(PID, interpreter=None) for _ in range(2)]
    said = [warm.hear() for _ in range(4)]
    assert len({one["pid"] for one in said if one["is"] == "begun"}) == 2
    assert len({attempt.rest() for attempt in attempts}) == 2


def test_a_spare_that_was_killed_takes_no_order_with_it(warm: Bench) -> None:
    waited = spare_of(warm)
    watch = os.pidfd_open(waited)
    os.kill(waited, signal.SIGKILL)
    assert gone(watch)
    attempt = warm.launch(PID, interpreter=None)
    assert warm.begun(attempt) != waited
    assert warm.ended(attempt) == (0, 0)


def test_a_spare_ends_with_the_line(warm: Bench) -> None:
    watch = os.pidfd_open(spare_of(warm))
    warm.line.close()
    assert gone(watch)
    assert warm.process.wait() == 0


def test_a_spare_ends_with_its_supervisor(warm: Bench) -> None:
    watch = os.pidfd_open(spare_of(warm))
    warm.process.kill()
    assert gone(watch)


def test_the_sweep_of_an_attempt_leaves_the_spare_alone(warm: Bench) -> None:
    attempt = warm.launch(WAIT, interpreter=None)
    running = warm.begun(attempt)
    children = Path(f"/proc/{warm.process.pid}/task/{warm.process.pid}/children")
    while len(pids := children.read_text().split()) < 2:
        os.sched_yield()
    (waits,) = {int(pid) for pid in pids} - {running}
    warm.signal(attempt, signal.SIGKILL)
    assert warm.ended(attempt) == (-signal.SIGKILL, 0)
    following = warm.launch(PID, interpreter=None)
    assert warm.begun(following) == waits


@pytest.mark.parametrize("waited", [True, False])
def test_it_holds_nothing_of_the_supervisors(warm: Bench, waited: bool) -> None:
    if waited:
        spare_of(warm)
    busy = warm.launch(WAIT, interpreter=None)
    warm.begun(busy)
    text = "import os; print([fd for fd in range(64) if os.path.exists(f'/proc/self/fd/{fd}')])"
    attempt = warm.launch(text, interpreter=None)
    warm.begun(attempt)
    assert attempt.line() == "[0, 1, 2, 3]"
