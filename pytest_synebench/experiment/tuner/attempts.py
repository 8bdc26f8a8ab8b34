"""The living attempts: what arrives from them, how long they may take, how they are ended.

What arrives is watched at once. Whether and when it counts is the order's to say, and what follows
from it the tuner's.

Invariants (tests/experiment/tuner/test_attempts.py):
- what an earlier life of a trial sends is passed over;
- a report is a sign of progress, a hello and a checkpoint only where they are new;
- at its last level, reported and safe, an attempt has the grace to end in, once;
- an attempt whose processes are gone, or are being ended, is not overdue;
- an attempt that fails on a full disk breaks the run off, unless the run is being closed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptEnded,
    AttemptGone,
    AttemptKept,
    AttemptPlaced,
    AttemptReported,
    AttemptSaved,
    Observation,
)
from pytest_synebench.experiment.journal.timings import Arrival, Span, Timing
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.tuner.deadlines import Deadlines, Watch
from pytest_synebench.experiment.tuner.machinery import Live, Machinery
from pytest_synebench.experiment.tuner.stopwatch import Stopwatch
from pytest_synebench.trial import TrialId, TrialState

_UNLIMITED = Deadlines().watch(0.0)  #: of every attempt where none can be overdue


class Attempts:
    """Every attempt whose end does not count yet, at most one per trial."""

    def __init__(self, parts: Machinery, deadlines: Deadlines) -> None:
        """Begin with none.

        Args:
            parts: of the tuner.
            deadlines: of each attempt.
        """
        self._parts = parts
        self._deadlines = deadlines
        self.limited = not deadlines.none  #: whether one can be overdue
        self.virtual = parts.order.virtual  #: whether the journal has no measured time
        spent_s = parts.table.at_s if parts.spent_s is None else parts.spent_s
        self.watch = Stopwatch(parts.clock, spent_s)
        self.live: dict[TrialId, Live] = {}
        self.timings: list[Timing] = []  #: measured, not written yet
        self.closing = False  #: whether the run is being closed
        #: Of those that live, how many have left their slot. Where the journal has measured time,
        #: one does whose end is held up; in virtual time nothing may depend on how fast that goes.
        self.without = 0

    def start(self, trial: TrialRecord) -> None:
        """Have a trial's current attempt run."""
        spec = self._parts.launch.spec(trial)
        watch = self._watched(Deadlines())  # until a machine runs it
        self.live[trial.id] = Live(key=spec.key, watch=watch, began_s=self.watch.total_s())
        self._parts.order.launched(spec.key, trial)
        self._parts.backend.start(spec)

    def _watched(self, deadlines: Deadlines) -> Watch:
        return deadlines.watch(self.watch.pumped_s()) if self.limited else _UNLIMITED

    def stop(self, live: Live) -> None:
        """End an attempt because it was decided: nothing else that it sent counts any more."""
        live.told_to_stop = True
        self._parts.order.cut(live.key)
        self._parts.backend.stop(live.key)

    def condemn(self, live: Live, reason: str) -> None:
        """End an attempt because of what it sent; what becomes of its trial is seen at its end."""
        live.verdict, live.cut = reason, True
        self._parts.order.cut(live.key)
        self._parts.backend.stop(live.key)

    def enforce_deadlines(self) -> None:
        """End the attempts that are overdue; what they had sent before counts."""
        if not self.limited:
            return
        now_s = self.watch.pumped_s()
        for live in self.live.values():
            if live.watched and (reason := live.watch.overdue(now_s)):
                live.verdict = reason
                self._parts.order.seal(live.key)
                self._parts.backend.stop(live.key)

    def left_s(self) -> float:
        """Return the seconds until the next of them is overdue; infinite where none will be."""
        if not self.limited:
            return math.inf
        now_s = self.watch.pumped_s()
        lefts = (live.watch.left_s(now_s) for live in self.live.values() if live.watched)
        return min(lefts, default=math.inf)

    def arrive(self, observations: Iterable[Observation]) -> None:
        """Take in what the back-end saw.

        Raises:
            RunError: an attempt has failed, and the disk is full.
        """
        for seen in observations:
            live = self.live.get(seen.key.trial_id)
            if live is not None and live.key == seen.key:  # else of an earlier life
                if self.limited and _is_progress(live, seen):
                    live.watch.heard(self.watch.pumped_s())
                self._take(live, seen)

    def _take(self, live: Live, seen: Observation) -> None:
        match seen:
            case AttemptReported():  # the most of them
                self._reported(live, seen)
            case AttemptBegan():
                live.begun, live.checkpoints = True, seen.checkpoints
                self._parts.order.offer(seen)
            case AttemptEnded():
                self._gone(live, seen)
                self._parts.order.offer(seen)
            case AttemptPlaced():
                live.watch = self._watched(self._deadlines)
            case AttemptSaved(level=level):
                live.saved = max(live.saved, level)
                self.expect_end(live)
            case AttemptKept():
                pass
            case AttemptGone():
                self._let_go(live)

    def _reported(self, live: Live, seen: AttemptReported) -> None:
        if self._parts.order.virtual:
            live.arrived_s[seen.sequence] = self.watch.total_s()
        self._parts.order.offer(seen)

    def _gone(self, live: Live, seen: AttemptEnded) -> None:
        self._let_go(live)
        if not (seen.ok or live.verdict or live.told_to_stop or self.closing):
            self._parts.launch.check_space()

    def _let_go(self, live: Live) -> None:
        if not live.gone:
            live.gone = True
            self.without += not self.virtual
            self._time(live)

    def forget(self, live: Live) -> None:
        """Let one go whose end has counted."""
        del self.live[live.key.trial_id]
        self.without -= live.gone and not self.virtual

    def expect_end(self, live: Live) -> None:
        """At its last level a process has nothing left to do once its checkpoint is safe."""
        if not self.limited:
            return
        trial = self._parts.table.trials[live.key.trial_id]
        safe = not live.checkpoints or live.saved >= trial.level
        last = trial.state is TrialState.PAUSED or (
            trial.state is TrialState.RUNNING and trial.level >= (trial.until or math.inf)
        )
        if last and safe and not live.spent:
            live.spent = True
            live.watch.must_end(self.watch.pumped_s())

    def note_arrival(self, live: Live, seen: AttemptReported, trial: TrialRecord) -> None:
        """Keep the measured times of a report that counts, where the journal has none."""
        if self._parts.order.virtual:
            elapsed = self._parts.intake.elapsed(trial, live.level)
            at_s = live.arrived_s.pop(seen.sequence)
            self.timings.append(Arrival(live.key, live.level, at_s, elapsed))

    def clear(self) -> None:
        """Forget them all; those that were not seen to end took until now."""
        for live in self.live.values():
            if not live.gone:
                self._time(live)
        self.live.clear()
        self.without = 0

    def _time(self, live: Live) -> None:
        self.timings.append(Span(live.key, live.began_s, self.watch.total_s()))


def _is_progress(live: Live, seen: Observation) -> bool:
    match seen:
        case AttemptSaved(level=level):
            return level > live.saved
        case AttemptBegan():
            return not live.begun
        case AttemptKept():
            return False
        case _:
            return True
