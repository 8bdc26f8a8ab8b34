"""The loop: reports in, the scheduler decides, the journal remembers, the back-end acts.

It advances only while somebody calls ``pump``: no thread, so that signals, time-outs and the
terminal find it at a known place.

Invariants (tests/experiment/tuner/test_tuner.py):
- an event and its decisions are in the journal before any of them is carried out;
- at most ``num_workers`` attempts are alive at any time;
- each (trial, level) reaches the scheduler once, whatever is repeated after a resume;
- a trial is resumed only after its earlier attempt's processes are gone;
- what an attempt sends after its trial was paused, stopped or failed changes nothing;
- an attempt that fails on a full disk is no failure of its trial: the run breaks off, and goes on
  from there when there is space.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptEnded,
    AttemptKey,
    AttemptPlaced,
    AttemptReported,
    AttemptSaved,
    Observation,
)
from pytest_synebench.errors import TrialError
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
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.tuner.deadlines import Deadlines
from pytest_synebench.experiment.tuner.machinery import Limits, Live, Machinery
from pytest_synebench.trial import TrialId, TrialState


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
    _seen: deque[Observation] = field(default_factory=deque)  #: polled, not yet looked at
    _waiting: dict[TrialId, TrialRecord] = field(default_factory=dict)  #: resumed while they end
    _backlog: deque[TrialRecord] = field(default_factory=deque)  #: were running when a run died
    _declined: bool = False  #: the scheduler left a free slot free, and nothing happened since
    _told_of_gaps: bool = False
    _origin_s: float = 0.0
    _pumped_s: float = 0.0
    _entered_s: float | None = None

    def open(self) -> None:
        """Begin, or go on where the journal ends: attempts that were running run again."""
        self._origin_s = self.parts.clock.now_s() - self.parts.table.at_s
        self._note(Opened(at_s=self.now_s()))
        self._backlog.extend(self.parts.table.running())

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
            self._seen.extend(self.parts.backend.poll(self._patience_s(timeout_s)))
            while self._seen and not self._over():
                self._observe(self._seen.popleft())
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
        except TrialError as error:
            self._condemn(live, str(error))
            return
        self._mind_gap(trial, report.resource, live.level)
        live.level = report.resource
        if report.resource > trial.level:
            self._handle(Reported(report=report))
            self._expect_end(live)
        else:
            self._compare_repeat(trial, seen)

    def _mind_gap(self, trial: TrialRecord, level: int, before: int) -> None:
        began_from, _ = trial.beginnings.get(trial.attempts - 1, (0, 0))
        before = max(before, began_from)
        if level > before + 1 and not self._told_of_gaps:
            self._told_of_gaps = True
            self.remarks.append(
                f"trial {trial.id} reported level {level} after {before}: levels in between count "
                "as run, and a comparison at one of them is made at the next that is reported"
            )

    def _compare_repeat(self, trial: TrialRecord, seen: AttemptReported) -> None:
        remark = self.parts.intake.differs(trial, seen)
        if remark:
            self.remarks.append(remark)

    def _ended(self, live: Live, seen: AttemptEnded) -> None:
        trial = self._trial(seen.key.trial_id)
        self._count_time(live)
        del self.live[trial.id]
        if not (seen.ok or live.verdict or live.told_to_stop):
            self.parts.launch.check_space()
        if (waiting := self._waiting.pop(trial.id, None)) is not None:
            self._launch(waiting)
        elif trial.state is TrialState.RUNNING:
            self._conclude(live, trial, seen)
        elif trial.state is TrialState.PAUSED and (live.verdict or not live.told_to_stop):
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
        saves = live.checkpoints and self.parts.launch.checkpoint_at is not None
        missing = self.parts.launch.unverified(trial) if saves else ""
        ended = live.verdict or ("" if seen.ok else seen.detail)
        problem = "; ".join(text for text in (missing, ended) if text)
        if not problem:
            return
        text = f"paused at level {trial.level}, but {problem}"
        if not missing:
            self.remarks.append(f"trial {trial.id}: {text}")
        elif trial.retries < self.limits.max_retries:
            # Its next attempt, should it be resumed, begins from an earlier checkpoint.
            self._note(Retried(at_s=self.now_s(), trial_id=trial.id, reason=text))
            self.remarks.append(f"trial {trial.id}: {text}")
        else:
            self._fail(trial, text)

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
        """End an attempt because of what it did; what becomes of its trial is seen at its end."""
        live.verdict = reason
        self.parts.backend.stop(live.key)

    def _enforce_deadlines(self) -> None:
        for live in list(self.live.values()):
            if live.verdict or not (reason := live.watch.overdue(self._pumped())):
                continue
            if not live.told_to_stop:
                self._condemn(live, reason)

    def _fill_slots(self) -> None:
        while self._backlog and self._free_slot():
            self._launch(self._backlog.popleft())
        while not self._declined and self._free_slot():
            may_start = self.limits.budget.may_start(self.parts.table)
            decisions = self._handle(SlotFreed(at_s=self.now_s(), may_start=may_start))
            self._declined = not decisions
        if not self.live and not self._waiting:
            enough = not self.limits.budget.may_start(self.parts.table)
            self.close(
                "all trials ended" if enough else "the space holds no more configs", finished=True
            )

    def _free_slot(self) -> bool:
        return len(self.live) + len(self._waiting) < self.limits.num_workers

    def _over(self) -> bool:
        if not self.done:
            reason = self.limits.budget.exceeded(self.parts.table, self.now_s())
            if reason:
                self.close(reason, finished=True)
        return self.done

    # -- time ------------------------------------------------------------------------------------

    def _wind_down(self) -> None:
        self._let_go()
        for live in self.live.values():
            self.parts.backend.stop(live.key)
        until_s = self.parts.clock.now_s() + self.limits.wind_down_s
        while self.live and (left_s := until_s - self.parts.clock.now_s()) > 0:
            self._seen.extend(self.parts.backend.poll(left_s))
            self._let_go()

    def _let_go(self) -> None:
        """Of what was polled, look at the ends alone: a trial that had come to its own is done."""
        while self._seen:
            seen = self._seen.popleft()
            live = self.live.get(seen.key.trial_id)
            if not isinstance(seen, AttemptEnded) or live is None or live.key != seen.key:
                continue
            self._count_time(self.live.pop(seen.key.trial_id))
            trial = self._trial(seen.key.trial_id)
            whole = seen.ok and not self.parts.intake.missing(trial, trial.until)
            if trial.state is TrialState.RUNNING and whole and not live.verdict:
                end = Ended(at_s=self.now_s(), trial_id=trial.id, state=TrialState.COMPLETED)
                self._note(end, self.parts.scheduler.handle(end))

    def _patience_s(self, timeout_s: float) -> float:
        if self._seen or not self.live:
            return 0.0
        # Those that are being ended are in the back-end's hands, and its grace's.
        watched = [v for v in self.live.values() if not (v.verdict or v.told_to_stop)]
        waits = [timeout_s, *(live.watch.left_s(self._pumped()) for live in watched)]
        if self.limits.budget.scheduler_timeout_s is not None:
            waits.append(self.limits.budget.scheduler_timeout_s - self.now_s())
        return max(0.0, min(waits))

    def _pumped(self) -> float:
        if self._entered_s is None:
            return self._pumped_s
        return self._pumped_s + self.parts.clock.now_s() - self._entered_s

    def _count_time(self, live: Live) -> None:
        self.timings.append((live.key, live.began_s, self.now_s()))

    def _trial(self, trial_id: TrialId) -> TrialRecord:
        return self.parts.table.trials[trial_id]
