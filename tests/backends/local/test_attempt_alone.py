"""An attempt whose supervisor says what the test wants it to say."""

from __future__ import annotations

import os
import selectors
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_synebench.backends.local.attempt import LocalAttempt, Pipes
from pytest_synebench.backends.local.logs import CappedLog
from pytest_synebench.backends.local.tagged import Printed
from pytest_synebench.backends.local.throttle import Throttle
from pytest_synebench.backends.protocol import (
    AttemptEnded,
    AttemptKey,
    AttemptReported,
    Observation,
)
from pytest_synebench.backends.supervision.keeper import Keeper, Listener
from pytest_synebench.backends.supervision.wire import Order
from pytest_synebench.channel import Sender
from pytest_synebench.clock import Clock, VirtualClock
from pytest_synebench.trial import TrialId

ORDER = Order(script="/s", arguments=(), environment={}, directory="/", interpreter=None)


class Told(Keeper):
    """Says what a test gives it; nothing is behind it."""

    def __init__(self) -> None:
        self.says: Callable[[Listener], object] = lambda listener: None
        self.signals: list[int] = []
        self.listener: Listener

    def launch(
        self, order: Order, stdout: int, stderr: int, channel: int, listener: Listener
    ) -> int:
        self.listener = listener
        return 1

    def signal(self, job: int, number: int) -> None:
        self.signals.append(number)

    def receive(self) -> None:
        self.says(self.listener)


class Alone:
    """An attempt, its owner, and the ends of its pipes that a process would have."""

    def __init__(self, folder: Path, throttle: Throttle | None) -> None:
        self.time = VirtualClock()
        self.clock: Clock = self.time
        self.grace_s = 1.0
        self.printed = Printed()
        self.selector: selectors.BaseSelector = selectors.DefaultSelector()
        self.seen: list[Observation] = []
        self.elsewhere: list[str] = []
        self.refused: list[OSError] = []
        self.broken: list[str] = []
        pipes = [os.pipe() for _ in range(3)]
        self.channel = os.dup(pipes[0][1])
        self.sender = Sender(self.channel, "nonce")
        self.keeper = Told()
        self.attempt = LocalAttempt(
            AttemptKey(TrialId(0), 0),
            ORDER,
            Pipes(
                channel=pipes[0][0],
                stdout=pipes[1][0],
                stderr=pipes[2][0],
                theirs=(pipes[0][1], pipes[1][1], pipes[2][1]),
                stdout_log=CappedLog(folder / "stdout.log", 100),
                stderr_log=CappedLog(folder / "stderr.log", 100),
            ),
            nonce="nonce",
            owner=self,
            throttle=throttle,
        )
        self.attempt.watch()
        self.attempt.launch(self.keeper, None)

    def tell(self, observation: Observation) -> None:
        self.seen.append(observation)

    def send_elsewhere(self, attempt: LocalAttempt, why: str) -> None:
        self.elsewhere.append(why)

    def give_up(self, attempt: LocalAttempt, error: OSError) -> None:
        self.refused.append(error)

    def break_off(self, attempt: LocalAttempt, text: str) -> None:
        self.broken.append(text)

    def turn(self) -> None:
        """Call the handlers of all that can be read."""
        for key, _ in self.selector.select(0):
            key.data()

    @property
    def reports(self) -> int:
        return sum(isinstance(seen, AttemptReported) for seen in self.seen)

    def report(self, count: int) -> None:
        for _ in range(count):
            self.sender.send("report", metrics={"loss": 1})


@pytest.fixture
def throttle() -> Throttle | None:
    return None


@pytest.fixture
def alone(tmp_path: Path, throttle: Throttle | None) -> Iterator[Alone]:
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - names, not paths
    alone = Alone(tmp_path, throttle)
    yield alone
    if not any(isinstance(seen, AttemptEnded) for seen in alone.seen):
        alone.attempt.release()
    os.close(alone.channel)
    alone.selector.close()
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208


def test_what_is_over_before_anybody_looked_is_told_from_its_beginning(alone: Alone) -> None:
    alone.report(2)

    def all_of_it(listener: Listener) -> None:
        listener.begun(7)
        listener.ended(0, 0)

    alone.keeper.says = all_of_it
    alone.turn()
    assert [type(seen) for seen in alone.seen] == [AttemptReported, AttemptReported, AttemptEnded]


def test_nothing_is_told_of_a_process_before_it_runs(alone: Alone) -> None:
    alone.report(1)
    alone.turn()
    assert alone.seen == []
    alone.attempt.begun(7)
    alone.turn()
    assert [type(seen) for seen in alone.seen] == [AttemptReported]


@pytest.mark.parametrize("throttle", [Throttle(rate_per_s=10, burst=10)])
def test_reports_beyond_the_rate_stay_in_the_pipe_until_they_are_due(alone: Alone) -> None:
    alone.attempt.begun(7)
    alone.report(15)
    alone.turn()
    assert alone.reports == 15  # one read is whole; what is too much is paid for afterwards
    assert alone.attempt.deadlines() == [pytest.approx(0.5)]

    alone.report(3)
    alone.turn()
    alone.time.advance(0.4)
    alone.attempt.wake(alone.clock.now_s())
    alone.turn()
    assert alone.reports == 15

    alone.time.advance(0.1)
    alone.attempt.wake(alone.clock.now_s())
    alone.turn()
    assert alone.reports == 18


@pytest.mark.parametrize("throttle", [Throttle(rate_per_s=1, burst=1)])
def test_at_the_end_the_rest_is_read_whatever_the_rate(alone: Alone) -> None:
    alone.attempt.begun(7)
    alone.report(3)
    alone.turn()
    alone.report(1000)
    alone.attempt.ended(0, 0)
    assert alone.reports == 1003
    assert isinstance(alone.seen[-1], AttemptEnded)
    assert alone.attempt.deadlines() == []


def test_a_stop_is_a_polite_signal_and_force_another_each_sent_once(alone: Alone) -> None:
    alone.attempt.begun(7)
    for _ in range(2):
        alone.attempt.stop(force_at_s=5.0)
    alone.attempt.wake(4.9)
    assert alone.keeper.signals == [signal.SIGTERM]
    alone.attempt.wake(5.0)
    alone.attempt.force()
    assert alone.keeper.signals == [signal.SIGTERM, signal.SIGKILL]
    assert alone.attempt.deadlines() == []


def test_what_is_told_to_stop_is_not_made_elsewhere(alone: Alone) -> None:
    alone.attempt.stop(force_at_s=5.0)
    alone.attempt.declined("two threads")
    assert alone.elsewhere == []
    (end,) = alone.seen
    assert isinstance(end, AttemptEnded)
    assert (end.ok, end.detail) == (False, "told to stop: it never ran")


def test_with_its_supervisor_a_running_attempt_breaks_off_and_a_waiting_one_moves(
    alone: Alone,
) -> None:
    alone.attempt.lost("the supervisor died")
    assert alone.elsewhere == ["the supervisor died"]
    alone.attempt.launch(alone.keeper, "python")
    alone.attempt.begun(7)
    alone.report(2)
    alone.attempt.lost("the supervisor died again")
    assert alone.broken == ["the supervisor died again"]
    assert [type(seen) for seen in alone.seen] == [AttemptReported, AttemptReported]


def test_what_was_told_to_stop_ends_with_its_supervisor_as_well(alone: Alone) -> None:
    alone.attempt.begun(7)
    alone.attempt.stop(force_at_s=5.0)
    alone.attempt.lost("the supervisor died")
    (end,) = alone.seen
    assert isinstance(end, AttemptEnded)
    assert (end.ok, end.detail) == (False, "told to stop: the supervisor died")
    assert alone.broken == []


@pytest.mark.parametrize("stopped", [True, False])
@pytest.mark.parametrize("runs", [True, False])
def test_what_was_let_go_of_hears_nothing_more(alone: Alone, runs: bool, stopped: bool) -> None:
    if runs:
        alone.attempt.begun(7)
    if stopped:
        alone.attempt.stop(force_at_s=5.0)
    alone.attempt.release()
    others = os.pipe()  # have the numbers that were its own
    alone.attempt.begun(7)
    alone.attempt.declined("two threads")
    alone.attempt.failed(OSError(2, "No such file"))
    alone.attempt.ended(0, 0)
    alone.attempt.lost("the supervisor died")
    alone.attempt.release()
    assert not (alone.seen)
    assert not (alone.elsewhere)
    assert not (alone.refused)
    assert not (alone.broken)
    for fd in others:
        os.close(fd)
