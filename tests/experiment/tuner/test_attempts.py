from __future__ import annotations

import math
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest
from scripted_backend import ScriptedBackend
from tuner_bench import Bench

from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptEnded,
    AttemptReported,
    AttemptSaved,
)
from pytest_synebench.clock import VirtualClock
from pytest_synebench.errors import RunError
from pytest_synebench.experiment.journal.timings import Span
from pytest_synebench.experiment.tuner.attempts import Attempts
from pytest_synebench.experiment.tuner.deadlines import Deadlines
from pytest_synebench.experiment.tuner.machinery import Live
from pytest_synebench.trial import Report, TrialId, TrialState

T0 = TrialId(0)


class Stage:
    """One attempt of a trial that is running."""

    def __init__(self, folder: Path) -> None:
        tuner = Bench(folder).session()
        tuner.pump(0.0)
        tuner.parts.journal.close()
        self.parts = tuner.parts
        assert isinstance(self.parts.clock, VirtualClock)
        self.clock = self.parts.clock
        assert isinstance(self.parts.backend, ScriptedBackend)
        self.backend = self.parts.backend
        self.attempts = Attempts(self.parts, Deadlines(progress_timeout_s=10.0))
        live = tuner.live[T0]
        watch = Deadlines(progress_timeout_s=10.0).watch(0.0)
        self.live = self.attempts.live[T0] = Live(key=live.key, watch=watch, began_s=0.0)

    def fails(self) -> None:
        self.attempts.arrive([AttemptEnded(key=self.live.key, ok=False, detail="exit code 1")])

    def wait(self, seconds: float) -> None:
        with self.attempts.watch.pumping():
            self.clock.advance(seconds)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_what_an_earlier_life_sends_is_passed_over(stage: Stage) -> None:
    earlier = stage.live.key._replace(number=7)
    stage.attempts.arrive(
        [
            AttemptBegan(key=earlier, resumed_from=0, checkpoints=True),
            AttemptReported(key=earlier, sequence=0, metrics={"epoch": 1, "loss": 0.0}),
            AttemptSaved(key=earlier, level=1),
            AttemptEnded(key=earlier, ok=True, detail=""),
        ]
    )
    assert stage.parts.order.release() == ()
    assert (stage.live.saved, stage.live.checkpoints, stage.live.gone) == (0, False, False)


def test_an_overdue_attempt_is_ended_and_its_verdict_says_why(stage: Stage) -> None:
    assert stage.attempts.left_s() == 10.0
    stage.wait(10.0)
    stage.attempts.enforce_deadlines()
    assert "no report for 10 s" in stage.live.verdict
    assert stage.backend.stopped == [stage.live.key]
    assert stage.attempts.left_s() == math.inf
    stage.attempts.enforce_deadlines()
    assert len(stage.backend.stopped) == 1


def test_what_an_overdue_attempt_still_sends_does_not_count(stage: Stage) -> None:
    stage.wait(10.0)
    stage.attempts.enforce_deadlines()
    sent = AttemptReported(key=stage.live.key, sequence=0, metrics={"epoch": 1, "loss": 0.0})
    stage.attempts.arrive([sent])
    assert stage.parts.order.release() == ()


@pytest.mark.parametrize("how", ["gone", "told to stop"])
def test_what_is_gone_or_being_ended_is_not_overdue(stage: Stage, how: str) -> None:
    if how == "gone":
        stage.fails()
    else:
        stage.attempts.stop(stage.live)
    stage.wait(1000.0)
    stage.attempts.enforce_deadlines()
    assert stage.live.verdict == ""
    assert stage.attempts.left_s() == math.inf


def test_a_failure_on_a_full_disk_breaks_off_unless_the_run_is_being_closed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: Namespace(free=4096))
    with pytest.raises(RunError, match="a run needs at least 20 MB"):
        stage.fails()
    stage.attempts.closing = True
    stage.fails()


def test_a_paused_attempt_whose_checkpoint_is_safe_must_end(stage: Stage) -> None:
    stage.live.checkpoints = True
    stage.parts.table.trials[T0].state = TrialState.PAUSED
    stage.live.level = 1
    stage.attempts.expect_end(stage.live)
    assert stage.live.watch.ends_by_s is not None, "at level 0 there is nothing to save"


def saved(stage: Stage, level: int) -> AttemptSaved:
    return AttemptSaved(key=stage.live.key, level=level)


def hello(stage: Stage) -> AttemptBegan:
    return AttemptBegan(key=stage.live.key, resumed_from=0, checkpoints=True)


def test_a_hello_and_a_checkpoint_are_progress_only_where_they_are_new(stage: Stage) -> None:
    for seen in (hello(stage), saved(stage, 1), saved(stage, 2)):
        stage.wait(5.0)
        stage.attempts.arrive([seen])
        assert stage.attempts.left_s() == 10.0, seen
    stage.wait(5.0)
    stage.attempts.arrive([hello(stage), saved(stage, 2), saved(stage, 1)])
    assert stage.attempts.left_s() == 5.0
    assert stage.live.saved == 2


@pytest.mark.parametrize("state", [TrialState.PAUSED, TrialState.RUNNING])
def test_at_its_last_level_an_attempt_has_the_grace_to_end_in_once(
    stage: Stage, state: TrialState
) -> None:
    trial = stage.parts.table.trials[T0]
    report = Report(trial_id=T0, resource=3, loss=0.5, at_s=0.0)
    trial.state, trial.until, trial.reports = state, 3, [report]
    stage.attempts.arrive([hello(stage), saved(stage, 2)])
    stage.attempts.expect_end(stage.live)
    assert stage.live.watch.ends_by_s is None, "its last level is not saved"
    stage.attempts.arrive([saved(stage, 3)])
    assert spent_and_until(stage.live) == (True, 10.0)
    stage.wait(1.0)
    stage.attempts.arrive([saved(stage, 3)])
    assert spent_and_until(stage.live) == (True, 10.0)


def spent_and_until(live: Live) -> tuple[bool, float | None]:
    return live.spent, live.watch.ends_by_s


def test_below_its_last_level_a_running_attempt_has_all_its_time(stage: Stage) -> None:
    trial = stage.parts.table.trials[T0]
    trial.until, trial.reports = 3, [Report(trial_id=T0, resource=2, loss=0.5, at_s=0.0)]
    stage.attempts.expect_end(stage.live)
    assert not stage.live.spent


def test_the_time_of_an_attempt_ends_with_its_processes(stage: Stage) -> None:
    stage.clock.advance(3.0)
    stage.fails()
    stage.clock.advance(5.0)
    stage.attempts.clear()
    began_s = stage.parts.table.at_s
    assert stage.attempts.timings == [Span(stage.live.key, 0.0, began_s + 3.0)]
    assert stage.attempts.live == {}


def test_one_that_was_not_seen_to_end_took_until_the_close(stage: Stage) -> None:
    stage.clock.advance(3.0)
    stage.attempts.clear()
    (span,) = stage.attempts.timings
    assert isinstance(span, Span)
    assert span.ended_s == stage.parts.table.at_s + 3.0


def test_measured_time_goes_on_from_earlier_sessions(stage: Stage) -> None:
    again = Attempts(replace(stage.parts, spent_s=123.0), Deadlines())
    stage.clock.advance(2.0)
    assert again.watch.total_s() == 125.0
