"""The loop: reports in, the scheduler decides, the journal remembers, the back-end acts.

It advances only while somebody calls ``pump``: no thread, so that signals, time-outs and the
terminal find it at a known place.

Invariants (tests/experiment/tuner/test_tuner.py):
- an event and its decisions are on disk before any of them is carried out, and all of a pump's
  before it returns;
- at most ``num_workers`` attempts are alive at any time;
- each (trial, level) reaches the scheduler once, whatever is repeated after a resume;
- a trial is resumed only after its earlier attempt's processes are gone;
- what an attempt sends after its trial was paused, stopped or failed changes nothing;
- an attempt that fails on a full disk is no failure of its trial: the run breaks off, and goes on
  from there when there is space.

Invariants of deterministic runs (tests/experiment/tuner/test_deterministic.py): see ``order``.
- equal plans give equal journals, byte for byte, whatever runs how fast, and how many at once;
- a controller that dies anywhere decides, once it is back, as if it had not;
- measured time decides nothing: it ends a session, which can be resumed, or an attempt that hangs.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from itertools import islice

from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptEnded,
    AttemptReported,
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
from pytest_synebench.experiment.journal.timings import Timing
from pytest_synebench.experiment.journal.trials import REJECTED, TrialRecord
from pytest_synebench.experiment.tuner import verdicts
from pytest_synebench.experiment.tuner.attempts import Attempts
from pytest_synebench.experiment.tuner.machinery import Limits, Live, Machinery
from pytest_synebench.experiment.tuner.order import Told
from pytest_synebench.trial import TrialId, TrialState

_AT_ONCE = 50  # reports of a simulated run that are taken in before anything else is looked at


@dataclass(slots=True)
class Tuner:
    """Runs one experiment."""

    parts: Machinery
    limits: Limits
    reason: str = ""  #: why the experiment is over; "" while it is not
    finished: bool = False  #: over by a criterion, not by an interruption
    remarks: list[str] = field(default_factory=list)  #: what people should know
    _waiting: dict[TrialId, TrialRecord] = field(default_factory=dict)  #: resumed while they end
    _backlog: deque[TrialRecord] = field(default_factory=deque)  #: were running when a run died
    _declined: bool = False  #: the scheduler left a free slot free, and nothing happened since
    attempts: Attempts = field(init=False)
    live: dict[TrialId, Live] = field(init=False)  #: the attempts whose end does not count yet

    def __post_init__(self) -> None:
        self.attempts = Attempts(self.parts, self.limits.deadlines)
        self.live = self.attempts.live

    @property
    def timings(self) -> list[Timing]:
        """Measured times that were not written yet; whoever writes them clears it."""
        return self.attempts.timings

    def open(self) -> None:
        """Begin, or go on where the journal ends: attempts that were running run again."""
        if (free := self.parts.table.declined) is not None:
            # A slot that was left free is not offered again, as if no controller had died.
            self._declined = free.may_start == self._may_start()
        self._note(Opened(at_s=self.now_s()))
        self._backlog.extend(self.parts.table.running())

    def now_s(self) -> float:
        """Return the experiment's time, which the journal has: measured, or virtual."""
        return self.parts.order.now_s(self.attempts.watch.total_s())

    def measured_s(self) -> float:
        """Return measured seconds since the experiment began, pauses between sessions left out."""
        return self.attempts.watch.total_s()

    @property
    def done(self) -> bool:
        """Whether nothing more will happen."""
        return bool(self.reason)

    def pump(self, timeout_s: float) -> None:
        """Advance; wait at most ``timeout_s`` seconds for something to happen."""
        if self.done:
            return
        # Only time in here counts against a trial: a debugger's pause must not fail it.
        with self.attempts.watch.pumping(), self.limits.undisturbed():
            for _ in range(self.limits.polls):
                if not self._advance(timeout_s):
                    break
            self.parts.journal.sync()
            self.attempts.enforce_deadlines()

    def _advance(self, timeout_s: float) -> bool:
        """Take in what the back-end has seen; return whether there may be more."""
        if self._take_reports():
            self.attempts.arrive(self._seen(timeout_s))
        timed = self.limits.timed
        while not (timed and self._over()):
            told = self.parts.order.release()
            for one in told:
                self._observe(one)
            if self._over():
                return False
            self._fill_slots()
            # Where waiting takes no time, filling slots may have brought what is due now.
            if self.parts.order.empty or not (told or self.limits.instant):
                return not self.reason
        return False

    def _take_reports(self) -> bool:
        """Take in the reports that come next, while nothing follows from them but their lines.

        With every slot taken, nobody would be started between two of them: so all that is left out
        is the asking. Returns whether something else is to come next.
        """
        if self.parts.reports is None or self._free_slot():
            return True
        budget, now_s = self.limits.budget, self.attempts.watch.total_s  # simulated, as measured
        may_end = budget.counts_reports
        for seen in islice(self.parts.reports(budget.ends_s), _AT_ONCE):
            decided = self._reported(self.live[seen.key.trial_id], seen, now_s())
            if decided or (may_end and self._over()):
                return False
        return True

    def _seen(self, timeout_s: float) -> list[Observation]:
        if self.limits.instant:
            # Before the first attempt nothing is due, and all time would go by at once.
            return self.parts.backend.poll(self._budget_s(timeout_s) if self.live else 0.0)
        patience_s = self._patience_s(timeout_s)
        with self.attempts.watch.waiting(patience_s):
            return self.parts.backend.poll(patience_s)

    def close(self, reason: str, *, finished: bool) -> None:
        """End every attempt, politely first, and write down why. May be repeated."""
        if self.done:
            return
        self.reason, self.finished = reason, finished
        self.attempts.closing = True
        try:
            self._wind_down()
        finally:
            self.parts.backend.close()
            self.attempts.clear()
            self._note(Closed(at_s=self.now_s(), finished=finished, reason=reason))
            self.parts.journal.sync(last=True)

    # -- what happened ---------------------------------------------------------------------------

    def _observe(self, seen: Told) -> None:
        live = self.live[seen.key.trial_id]
        match seen:
            case AttemptReported():
                self._reported(live, seen, self.now_s())
            case AttemptBegan():
                self._began(seen)
            case AttemptEnded():
                self._ended(live, seen)

    def _began(self, seen: AttemptBegan) -> None:
        remark = seen.remark and verdicts.of_beginning(self.parts, seen)
        self._note(
            Began(
                at_s=self.now_s(),
                trial_id=seen.key.trial_id,
                attempt=seen.key.number,
                resumed_from=seen.resumed_from,
                checkpoints=seen.checkpoints,
                remark=remark,
            )
        )
        if remark:
            self._remark(f"trial {seen.key.trial_id}: {remark}")
        if self.limits.strict_checkpoints and REJECTED in remark:
            live = self.live[seen.key.trial_id]
            self.attempts.condemn(live, f"{remark} (strict_checkpoints makes that a failure)")

    def _reported(self, live: Live, seen: AttemptReported, at_s: float) -> bool:
        """Take a report in; return whether more follows from it than its line in the journal."""
        trial = self.parts.table.trials[seen.key.trial_id]
        if trial.state is not TrialState.RUNNING or live.cut:
            return False
        try:
            report = self.parts.intake.read(seen, trial, live.level, at_s)
        except TrialError as error:
            self.attempts.condemn(live, str(error))
            return True
        level = report.resource
        if level > live.level + 1:
            self._remark(self.parts.intake.gap(trial, level, live.level))
        live.level = level
        if level <= trial.level:
            self._remark(self.parts.intake.differs(trial, seen))
            return False
        if self.attempts.virtual:
            self.attempts.note_arrival(live, seen, trial)
        event = Reported(report=report)
        decisions = self.parts.scheduler.handle(event)
        self._follow(event, decisions)
        if self.attempts.limited:
            self.attempts.expect_end(live)
        return bool(decisions)

    def _remark(self, text: str) -> None:
        if text:
            self.remarks.append(text)

    def _ended(self, live: Live, seen: AttemptEnded) -> None:
        trial = self._trial(seen.key.trial_id)
        self.attempts.forget(live)
        if (waiting := self._waiting.pop(trial.id, None)) is not None:
            self._launch(waiting)
        elif trial.state is TrialState.RUNNING:
            self._conclude(live, trial, seen)
        elif trial.state is TrialState.PAUSED and (live.verdict or not live.told_to_stop):
            self._settle_pause(live, trial, seen)
        self._declined = False

    def _conclude(self, live: Live, trial: TrialRecord, seen: AttemptEnded) -> None:
        problem = verdicts.of_end(self.parts, live, trial, seen)
        if live.spent and live.verdict:  # it had done everything but end
            self._remark(f"trial {trial.id}: {problem}")
            problem = ""
        if not problem:
            self._handle(Ended(at_s=self.now_s(), trial_id=trial.id, state=TrialState.COMPLETED))
        elif trial.retries < self.limits.max_retries:
            self._note(Retried(at_s=self.now_s(), trial_id=trial.id, reason=problem))
            self._launch(trial)
        else:
            self._fail(trial, problem)

    def _settle_pause(self, live: Live, trial: TrialRecord, seen: AttemptEnded) -> None:
        """A pause counts only when its checkpoint is verified; scripts without any start over."""
        problem, missing = verdicts.of_pause(self.parts, live, trial, seen)
        if missing and trial.retries >= self.limits.max_retries:
            self._fail(trial, problem)
            return
        if missing:
            # Its next attempt, should it be resumed, begins from an earlier checkpoint.
            self._note(Retried(at_s=self.now_s(), trial_id=trial.id, reason=problem))
        self._remark(problem and f"trial {trial.id}: {problem}")

    def _fail(self, trial: TrialRecord, reason: str) -> None:
        end = Ended(at_s=self.now_s(), trial_id=trial.id, state=TrialState.FAILED, reason=reason)
        self._handle(end)

    # -- what follows from it --------------------------------------------------------------------

    def _handle(self, event: Event) -> tuple[Decision, ...]:
        scheduler = self.parts.scheduler
        decisions = tuple(map(self._pinned, scheduler.decide(event)))
        scheduler.fold(event, decisions)
        self._follow(event, decisions)
        return decisions

    def _follow(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        # Journal, sync, act: after a crash we repeat a decision, never forget one.
        self.parts.journal.append(event, decisions)
        self.parts.table.fold(event, decisions)
        self._declined = False
        for decision in decisions:
            self._carry_out(decision)

    def _pinned(self, decision: Decision) -> Decision:
        """Find the bytes that a copy begins from: what is written down names them."""
        if isinstance(decision, Start) and decision.checkpoint is not None:
            decision, remark = self.parts.launch.pin(decision)
            self._remark(remark)
        return decision

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

    def _stop(self, live: Live) -> None:
        self.parts.journal.sync()
        self.attempts.stop(live)

    def _launch(self, trial: TrialRecord) -> None:
        if trial.id in self.live:
            self._waiting[trial.id] = trial
            return
        self.parts.journal.sync()
        self.attempts.start(trial)

    def _fill_slots(self) -> None:
        while self._backlog and self._free_slot():
            self._launch(self._backlog.popleft())
        if not self._free_slot():
            return
        if self.limits.instant and not self._declined:
            # What is due now comes before a slot is offered.
            self.attempts.arrive(self.parts.backend.poll(0.0))
        if not self.parts.order.settled:
            return
        while not self._declined and self._free_slot():
            freed = SlotFreed(at_s=self.now_s(), may_start=self._may_start())
            with self.attempts.watch.waiting(0.0):  # for a config: no trial is to blame for it
                self._declined = not self._handle(freed)
        if not self.live and not self._waiting:
            why = "the space holds no more configs" if self._may_start() else "all trials ended"
            self.close(why, finished=True)

    def _may_start(self) -> bool:
        return self.limits.budget.may_start(self.parts.table)

    def _free_slot(self) -> bool:
        return len(self.live) - self.attempts.without + len(self._waiting) < self.limits.num_workers

    def _over(self) -> bool:
        if not self.reason:
            limits, watch = self.limits, self.attempts.watch
            now_s = 0.0 if limits.budget.scheduler_timeout_s is None else self.now_s()
            reason, finished = limits.over(self.parts, now_s, watch)
            if reason:
                self.close(reason, finished=finished)
        return bool(self.reason)

    # -- time ------------------------------------------------------------------------------------

    def _wind_down(self) -> None:
        self._let_go()
        for live in self.live.values():
            self.parts.backend.stop(live.key)
        until_s = self.parts.clock.now_s() + self.limits.wind_down_s
        while self.live and (left_s := until_s - self.parts.clock.now_s()) > 0:
            self.attempts.arrive(self.parts.backend.poll(left_s))
            self._let_go()

    def _let_go(self) -> None:
        """Of what arrived, look at the ends alone: a trial that had come to its own is done.

        Not so in virtual time: which ends arrive by now depends on how fast they are.
        """
        for seen in self.parts.order.drain():
            if not isinstance(seen, AttemptEnded):
                continue
            live, trial = self.live[seen.key.trial_id], self._trial(seen.key.trial_id)
            self.attempts.forget(live)
            whole = seen.ok and not self.parts.intake.missing(trial, trial.until)
            if self.parts.order.virtual:
                continue
            if trial.state is TrialState.RUNNING and whole and not live.verdict:
                end = Ended(at_s=self.now_s(), trial_id=trial.id, state=TrialState.COMPLETED)
                self._note(end, self.parts.scheduler.handle(end))

    def _patience_s(self, timeout_s: float) -> float:
        if not self.live:
            return 0.0
        waits = [self._budget_s(timeout_s), self.attempts.left_s()]
        if self.limits.session_s is not None:
            waits.append(self.limits.session_s - self.attempts.watch.session_s())
        return max(0.0, min(waits))

    def _budget_s(self, timeout_s: float) -> float:
        """Return the seconds to wait, of so many, before the experiment's time is up."""
        return max(0.0, min(timeout_s, self.limits.budget.ends_s - self.now_s()))

    def _trial(self, trial_id: TrialId) -> TrialRecord:
        return self.parts.table.trials[trial_id]
