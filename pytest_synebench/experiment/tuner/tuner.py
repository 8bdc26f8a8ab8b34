"""The loop: reports in, the scheduler decides, the journal remembers, the back-end acts.

It advances only while somebody calls ``pump``: no thread, so that signals, time-outs and the
terminal find it at a known place.

Invariants (tests/experiment/tuner/test_tuner.py):
- an event and its decisions are in the journal before any of them is carried out;
- at most ``num_workers`` attempts are alive at any time;
- each (trial, level) reaches the scheduler once, whatever is repeated after a resume;
- a trial is resumed only after its earlier attempt's processes are gone;
- what an attempt sends after its trial was paused, stopped or failed changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptEnded,
    AttemptKey,
    AttemptPlaced,
    AttemptReported,
    AttemptSaved,
    Backend,
    Observation,
)
from pytest_synebench.clock import Clock
from pytest_synebench.errors import BenchmarkError, TrialError
from pytest_synebench.events import (
    Began,
    Closed,
    Decision,
    Ended,
    Event,
    Note,
    Opened,
    Pause,
    Reported,
    Resume,
    Retried,
    SlotFreed,
    Start,
    Stop,
)
from pytest_synebench.experiment.journal.journal import Journal
from pytest_synebench.experiment.journal.trials import TrialRecord, TrialTable
from pytest_synebench.experiment.tuner.budget import Budget
from pytest_synebench.experiment.tuner.deadlines import Deadlines, Watch
from pytest_synebench.experiment.tuner.intake import Intake
from pytest_synebench.experiment.tuner.launch import Launch
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.trial import TrialId, TrialState


@dataclass(slots=True)
class Live:
    """An attempt whose processes are not yet known to be gone."""

    key: AttemptKey
    watch: Watch
    began_s: float  #: experiment time
    level: int = 0  #: the last level this attempt reported
    saved: int = 0  #: the last level this attempt saved a checkpoint of
    checkpoints: bool = False  #: whether the script saves and loads them
    told_to_stop: bool = False
    verdict: str = ""  #: why we ended it, where that makes the trial fail


@dataclass(frozen=True, slots=True, kw_only=True)
class Machinery:
    """The parts that a tuner joins."""

    scheduler: Scheduler
    backend: Backend
    journal: Journal
    table: TrialTable
    launch: Launch
    intake: Intake
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may happen at once, and for how long."""

    num_workers: int
    max_retries: int
    budget: Budget
    deadlines: Deadlines
    wind_down_s: float  #: how long ending attempts may take before they are ended by force


@dataclass(slots=True)
class Tuner:
    """Runs one experiment."""

    parts: Machinery
    limits: Limits
    reason: str = ""  #: why the experiment is over; "" while it is not
    finished: bool = False  #: over by a criterion, not by an interruption
    live: dict[TrialId, Live] = field(default_factory=dict)
    timings: list[tuple[AttemptKey, float, float]] = field(default_factory=list)  #: from, to, in s
    remarks: list[str] = field(default_factory=list)  #: what people should know
    _waiting: dict[TrialId, TrialRecord] = field(default_factory=dict)
    _declined: bool = False  #: the scheduler left a free slot free, and nothing happened since
    _origin_s: float = 0.0
    _pumped_s: float = 0.0
    _entered_s: float | None = None

    def open(self) -> None:
        """Begin, or go on where the journal ends: attempts that were running run again."""
        self._origin_s = self.parts.clock.now_s() - self.parts.table.at_s
        self._note(Opened(at_s=self.now_s()))
        for trial in list(self.parts.table.running()):
            self._launch(trial)

    def now_s(self) -> float:
        """Return the experiment's time: seconds since it began, pauses between runs left out."""
        return self.parts.clock.now_s() - self._origin_s

    @property
    def done(self) -> bool:
        """Whether nothing more will happen."""
        return bool(self.reason)

    def pump(self, timeout_s: float) -> None:
        """Advance; wait at most ``timeout_s`` seconds for something to happen."""
        if self.done:
            return
        self._entered_s = self.parts.clock.now_s()
        try:
            for seen in self.parts.backend.poll(self._patience_s(timeout_s)):
                if self._over():
                    return
                self._observe(seen)
            self._enforce_deadlines()
            if not self._over():
                self._fill_slots()
        finally:
            # Only time in here counts against a trial: a debugger's pause must not fail it.
            self._pumped_s, self._entered_s = self._pumped(), None

    def close(self, reason: str, *, finished: bool) -> None:
        """End every attempt, politely first, and write down why. May be repeated."""
        if self.done:
            return
        self.reason, self.finished = reason, finished
        try:
            self._wind_down()
        finally:
            self.parts.backend.close()
            for live in self.live.values():
                self._count_time(live)
            self.live.clear()
            self._note(Closed(at_s=self.now_s(), finished=finished, reason=reason))

    # -- what happened ---------------------------------------------------------------------------

    def _observe(self, seen: Observation) -> None:
        live = self.live.get(seen.key.trial_id)
        if live is None or live.key != seen.key:
            return  # an attempt of an earlier life
        live.watch.heard(self._pumped())
        match seen:
            case AttemptPlaced():
                live.watch = self.limits.deadlines.watch(self._pumped())
            case AttemptBegan():
                self._began(live, seen)
            case AttemptReported():
                self._reported(live, seen)
            case AttemptSaved(level=level):
                live.saved = level
                self._expect_end(live)
            case AttemptEnded():
                self._ended(live, seen)

    def _began(self, live: Live, seen: AttemptBegan) -> None:
        live.checkpoints = seen.checkpoints
        self._note(
            Began(
                at_s=self.now_s(),
                trial_id=seen.key.trial_id,
                attempt=seen.key.number,
                resumed_from=seen.resumed_from,
                checkpoints=seen.checkpoints,
                remark=seen.remark,
            )
        )
        if seen.remark:
            self.remarks.append(f"trial {seen.key.trial_id}: {seen.remark}")

    def _reported(self, live: Live, seen: AttemptReported) -> None:
        trial = self._trial(seen.key.trial_id)
        if trial.state is not TrialState.RUNNING or live.verdict or live.told_to_stop:
            return
        try:
            report = self.parts.intake.read(seen, trial, live.level, self.now_s())
        except (TrialError, BenchmarkError) as error:
            self._condemn(live, str(error))
            if isinstance(error, BenchmarkError):
                self._fail(trial, str(error))
                self.close(str(error), finished=False)
            return
        live.level = report.resource
        if report.resource > trial.level:
            self._handle(Reported(report=report))
            self._expect_end(live)
        else:
            self._compare_repeat(trial, seen)

    def _compare_repeat(self, trial: TrialRecord, seen: AttemptReported) -> None:
        remark = self.parts.intake.differs(trial, seen)
        if remark:
            self.remarks.append(remark)

    def _ended(self, live: Live, seen: AttemptEnded) -> None:
        trial = self._trial(seen.key.trial_id)
        self._count_time(live)
        del self.live[trial.id]
        if (waiting := self._waiting.pop(trial.id, None)) is not None:
            self._launch(waiting)
        elif trial.state is TrialState.RUNNING:
            self._conclude(live, trial, seen)
        elif trial.state is TrialState.PAUSED and not live.told_to_stop:
            self._settle_pause(live, trial, seen)
        self._declined = False

    def _conclude(self, live: Live, trial: TrialRecord, seen: AttemptEnded) -> None:
        if live.verdict:
            problem = live.verdict
        elif not seen.ok:
            problem = seen.detail
        else:
            problem = self.parts.intake.missing(trial, trial.until)
        if not problem:
            self._handle(Ended(at_s=self.now_s(), trial_id=trial.id, state=TrialState.COMPLETED))
        elif trial.retries < self.limits.max_retries:
            self._note(Retried(at_s=self.now_s(), trial_id=trial.id, reason=problem))
            self._launch(trial)
        else:
            self._fail(trial, problem)

    def _settle_pause(self, live: Live, trial: TrialRecord, seen: AttemptEnded) -> None:
        """A pause counts only when its checkpoint is verified; scripts without any start over."""
        problem = "" if seen.ok else seen.detail
        if not problem and live.checkpoints and self.parts.launch.checkpoint_at is not None:
            problem = self.parts.launch.unverified(trial)
        if problem and trial.retries >= self.limits.max_retries:
            self._fail(trial, f"paused at level {trial.level}, but {problem}")
        elif problem:
            self.remarks.append(f"trial {trial.id}: paused at level {trial.level}, but {problem}")

    def _expect_end(self, live: Live) -> None:
        """A paused trial's process has nothing left to do once its checkpoint is safe."""
        trial = self._trial(live.key.trial_id)
        safe = not live.checkpoints or live.saved >= trial.level
        if trial.state is TrialState.PAUSED and safe:
            live.watch.must_end(self._pumped())

    def _fail(self, trial: TrialRecord, reason: str) -> None:
        self._handle(
            Ended(at_s=self.now_s(), trial_id=trial.id, state=TrialState.FAILED, reason=reason)
        )

    # -- what follows from it --------------------------------------------------------------------

    def _handle(self, event: Event) -> tuple[Decision, ...]:
        decisions = self.parts.scheduler.handle(event)
        # Journal before acting: after a crash we repeat a decision, never forget one.
        self._note(event, decisions)
        self._declined = False
        for decision in decisions:
            self._carry_out(decision)
        return decisions

    def _note(self, event: Event | Note, decisions: tuple[Decision, ...] = ()) -> None:
        self.parts.journal.append(event, decisions)
        self.parts.table.fold(event, decisions)

    def _carry_out(self, decision: Decision) -> None:
        match decision:
            case Start(trial_id=trial_id) | Resume(trial_id=trial_id):
                self._launch(self._trial(trial_id))
            case Pause(trial_id=trial_id):
                live = self.live.get(trial_id)
                # At its stop level an attempt ends by itself, as soon as its checkpoint is safe.
                if live is not None and (self._trial(trial_id).until or math.inf) > live.level:
                    self._stop(live)
            case Stop(trial_id=trial_id):
                if (live := self.live.get(trial_id)) is not None:
                    self._stop(live)

    def _launch(self, trial: TrialRecord) -> None:
        if trial.id in self.live:
            self._waiting[trial.id] = trial
            return
        spec = self.parts.launch.spec(trial)
        unlimited = Deadlines().watch(self._pumped())  # until a machine runs it
        self.live[trial.id] = Live(key=spec.key, watch=unlimited, began_s=self.now_s())
        self.parts.backend.start(spec)

    def _stop(self, live: Live) -> None:
        live.told_to_stop = True
        self.parts.backend.stop(live.key)

    def _condemn(self, live: Live, reason: str) -> None:
        """End an attempt because of what it did: its trial fails when it is gone."""
        live.verdict = reason
        self.parts.backend.stop(live.key)

    def _enforce_deadlines(self) -> None:
        for live in list(self.live.values()):
            if live.verdict or not (reason := live.watch.overdue(self._pumped())):
                continue
            if self._trial(live.key.trial_id).state is TrialState.RUNNING:
                self._condemn(live, reason)
            elif not live.told_to_stop:
                self._stop(live)

    def _fill_slots(self) -> None:
        while not self._declined and len(self.live) + len(self._waiting) < self.limits.num_workers:
            may_start = self.limits.budget.may_start(self.parts.table)
            decisions = self._handle(SlotFreed(at_s=self.now_s(), may_start=may_start))
            self._declined = not decisions
        if not self.live and not self._waiting:
            enough = not self.limits.budget.may_start(self.parts.table)
            self.close(
                "all trials ended" if enough else "the space holds no more configs", finished=True
            )

    def _over(self) -> bool:
        if not self.done:
            reason = self.limits.budget.exceeded(self.parts.table, self.now_s())
            if reason:
                self.close(reason, finished=True)
        return self.done

    # -- time ------------------------------------------------------------------------------------

    def _wind_down(self) -> None:
        for live in self.live.values():
            self.parts.backend.stop(live.key)
        until_s = self.parts.clock.now_s() + self.limits.wind_down_s
        while self.live and (left_s := until_s - self.parts.clock.now_s()) > 0:
            for seen in self.parts.backend.poll(left_s):
                ending = self.live.get(seen.key.trial_id)
                if isinstance(seen, AttemptEnded) and ending and ending.key == seen.key:
                    self._count_time(self.live.pop(seen.key.trial_id))

    def _patience_s(self, timeout_s: float) -> float:
        waits = [timeout_s]
        waits += [live.watch.left_s(self._pumped()) for live in self.live.values()]
        if self.limits.budget.scheduler_timeout_s is not None:
            waits.append(self.limits.budget.scheduler_timeout_s - self.now_s())
        if not self.live:
            return 0.0
        return max(0.0, min(waits))

    def _pumped(self) -> float:
        if self._entered_s is None:
            return self._pumped_s
        return self._pumped_s + self.parts.clock.now_s() - self._entered_s

    def _count_time(self, live: Live) -> None:
        self.timings.append((live.key, live.began_s, self.now_s()))

    def _trial(self, trial_id: TrialId) -> TrialRecord:
        return self.parts.table.trials[trial_id]
