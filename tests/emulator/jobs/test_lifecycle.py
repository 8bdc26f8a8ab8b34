from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pytest_synebench.emulator.jobs import lifecycle
from pytest_synebench.emulator.jobs.lifecycle import (
    SUCCESSORS,
    Broken,
    Downloaded,
    Effect,
    Event,
    Exited,
    IllegalEventError,
    Life,
    Reclaimed,
    Secondary,
    StopAsked,
    Terms,
    Ticked,
    Uploaded,
)

HOUR_S = 3600.0


def played(life: Life, *events: Event, now_s: float = 0.0) -> tuple[Life, list[Effect]]:
    effects: list[Effect] = []
    for event in events:
        life, demanded = lifecycle.after(life, event, now_s)
        effects += demanded
    return life, effects


def states(life: Life) -> list[str]:
    return [one.secondary.value for one in life.history]


def new(**terms: float | bool) -> Life:
    told: dict[str, float | bool] = {"max_runtime_s": HOUR_S, **terms}
    return lifecycle.born(Terms(**told), 0.0)  # type: ignore[arg-type]  # numbers and booleans


def training(**terms: float | bool) -> Life:
    return played(new(**terms), Ticked(), Downloaded())[0]


def test_a_job_whose_program_ends_well_completes() -> None:
    life, effects = played(new(), Ticked(), Downloaded(), Exited(code=0), Uploaded())
    assert states(life) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert effects == [Effect.DOWNLOAD, Effect.RUN, Effect.UPLOAD]
    assert life.status == "Completed"


def test_a_program_that_fails_gives_code_and_words() -> None:
    life, _ = played(training(), Exited(code=3, words="loss is NaN"))
    assert life.status == "Failed"
    assert life.failure == "AlgorithmError: loss is NaN, exit code: 3"


def test_a_machine_is_waited_for() -> None:
    life, effects = played(new(startup_s=90.0), Ticked(), now_s=89.0)
    assert (states(life), effects, life.due_s) == (["Starting"], [], 90.0)
    assert played(life, Ticked(), now_s=90.0)[1] == [Effect.DOWNLOAD]


def test_what_ignores_sigterm_is_killed_after_the_grace_and_not_before() -> None:
    life, effects = played(training(), StopAsked(), now_s=10.0)
    assert (life.status, effects, life.due_s) == ("Stopping", [Effect.TERMINATE], 130.0)
    assert played(life, Ticked(), now_s=129.0)[1] == []
    # ASSUMED-01
    life, effects = played(life, Ticked(), Exited(code=137), Uploaded(), now_s=130.0)
    assert effects == [Effect.KILL, Effect.UPLOAD]
    assert states(life)[-2:] == ["Stopping", "Stopped"]


def test_the_runtime_is_that_of_all_processes_together() -> None:
    # ASSUMED-02
    life, _ = played(training(spot=True), Reclaimed(), Exited(code=143), now_s=HOUR_S - 10)
    life, _ = played(life, Ticked(), Downloaded(), now_s=HOUR_S + 500)
    assert life.due_s == HOUR_S + 510
    life, effects = played(life, Ticked(), Exited(code=0), Uploaded(), now_s=HOUR_S + 510)
    assert effects[0] is Effect.TERMINATE
    assert life.secondary is Secondary.MAX_RUNTIME


def test_a_reclaimed_job_starts_again() -> None:
    # ASSUMED-03
    life, effects = played(training(spot=True), Reclaimed(), Exited(code=143), Ticked())
    assert states(life)[2:] == ["Training", "Interrupted", "Starting", "Downloading"]
    assert effects == [Effect.TERMINATE, Effect.DOWNLOAD]


def test_a_job_that_is_stopped_while_it_is_reclaimed_does_not_come_back() -> None:
    life, effects = played(training(spot=True), Reclaimed(), StopAsked(), Exited(code=0))
    assert effects == [Effect.TERMINATE, Effect.UPLOAD]
    assert played(life, Uploaded())[0].secondary is Secondary.STOPPED


def test_a_spot_job_that_finds_no_machine_in_time_ends() -> None:
    # ASSUMED-05
    life, _ = played(new(spot=True, max_wait_s=60.0, startup_s=HOUR_S), Ticked(), now_s=60.0)
    assert states(life) == ["Starting", "Stopping", "MaxWaitTimeExceeded"]


def test_a_job_stopped_before_it_trains_never_runs() -> None:
    life, effects = played(new(), Ticked(), StopAsked(), Downloaded())
    assert (life.secondary, effects) == (Secondary.STOPPED, [Effect.DOWNLOAD])


def test_an_on_demand_instance_is_not_reclaimed() -> None:
    with pytest.raises(IllegalEventError, match="an on-demand job that is Training"):
        played(training(), Reclaimed())


def test_what_is_stopping_or_has_ended_is_not_stopped_again() -> None:
    stopping, _ = played(training(), StopAsked())
    for life in (stopping, played(stopping, Exited(code=0), Uploaded())[0]):
        with pytest.raises(IllegalEventError, match="the training job is in status Stop"):
            played(life, StopAsked())


class Lives(RuleBasedStateMachine):
    """One job, a world that carries out what is demanded, and everything that may happen."""

    @initialize(
        spot=st.booleans(),
        startup_s=st.sampled_from([0.0, 5.0]),
        max_runtime_s=st.sampled_from([1.0, 20.0, HOUR_S]),
        max_wait_s=st.sampled_from([None, 30.0, 2 * HOUR_S]),
    )
    def begin(
        self, spot: bool, startup_s: float, max_runtime_s: float, max_wait_s: float | None
    ) -> None:
        self.now_s = 0.0
        self.life = lifecycle.born(
            Terms(
                max_runtime_s=max_runtime_s,
                max_wait_s=max_wait_s if spot else None,
                spot=spot,
                startup_s=startup_s,
                grace_s=10.0,
            ),
            0.0,
        )
        self.alive = 0
        self.busy: Effect | None = None  # of the machine: what it does at the moment
        self.asked_s: float | None = None
        self.killed = False

    def feed(self, event: Event) -> None:
        before = self.life
        self.life, effects = lifecycle.after(before, event, self.now_s)
        for effect in effects:
            match effect:
                case Effect.RUN:
                    self.alive += 1
                    self.asked_s, self.killed = None, False
                case Effect.TERMINATE:
                    assert self.alive
                    assert self.asked_s is None, "asked twice"
                    self.asked_s = self.now_s
                case Effect.KILL:
                    assert self.asked_s is not None, "killed without being asked"
                    assert self.now_s >= self.asked_s + 10.0
                    self.killed = True
                case Effect.DOWNLOAD | Effect.UPLOAD:
                    assert self.busy is None
                    self.busy = effect

    @rule(seconds=st.sampled_from([0.0, 0.5, 5.0, 9.0, 60.0, HOUR_S]))
    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds
        while self.life.due_s is not None and self.life.due_s <= self.now_s:
            before = self.life
            self.feed(Ticked())
            assert self.life != before, "a deadline that changes nothing"

    @precondition(lambda self: self.busy is Effect.DOWNLOAD)
    @rule()
    def download(self) -> None:
        self.busy = None
        self.feed(Downloaded())

    @precondition(lambda self: self.busy is Effect.UPLOAD)
    @rule()
    def upload(self) -> None:
        self.busy = None
        self.feed(Uploaded())

    @precondition(lambda self: self.busy is not None)
    @rule()
    def break_down(self) -> None:
        self.busy = None
        self.feed(Broken(reason="ClientError"))

    @precondition(lambda self: self.alive)
    @rule(code=st.sampled_from([0, 1, 137, 143]))
    def exit(self, code: int) -> None:
        self.alive -= 1
        self.feed(Exited(code=code))

    @rule()
    def stop(self) -> None:
        in_progress = self.life.status == "InProgress"
        with contextlib.nullcontext() if in_progress else pytest.raises(IllegalEventError):
            self.feed(StopAsked())

    @rule()
    def reclaim(self) -> None:
        with contextlib.suppress(IllegalEventError):
            self.feed(Reclaimed())
            assert self.life.terms.spot

    @invariant()
    def transitions_are_legal_and_touch(self) -> None:
        history = self.life.history
        for former, latter in itertools.pairwise(history):
            assert latter.secondary in SUCCESSORS[former.secondary]
            assert former.end_s == latter.start_s
        ended = history[-1].secondary not in SUCCESSORS
        assert (history[-1].end_s is not None) == ended
        assert (self.life.ended_s is not None) == ended

    @invariant()
    def one_process_at_most(self) -> None:
        assert self.alive <= 1
        assert self.life.running == bool(self.alive)
        assert not (self.alive and self.life.ended_s is not None)

    def teardown(self) -> None:
        """An obedient machine brings every job to its end once its time is over."""
        if not hasattr(self, "life"):
            return
        for _ in range(20):
            if self.busy is Effect.DOWNLOAD:
                self.download()
            elif self.busy is Effect.UPLOAD:
                self.upload()
            elif self.alive and self.asked_s is not None:
                self.exit(143)
            self.pass_time(2 * HOUR_S)
        assert self.life.ended_s is not None, states(self.life)


TestLives = Lives.TestCase
