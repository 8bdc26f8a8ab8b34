"""What is known of each trial: a fold of the journal, and nothing else.

Invariants (tests/experiment/journal/test_trials.py):
- folding the entries of a journal gives the table that the live run had;
- attempt numbers of a trial never repeat, a crash between two included;
- ``best`` is the best finite report over all levels; NaN and infinities are never best;
- a trial that began as a copy of another one is at that one's level, which it did not run itself;
- an attempt that is run again after a controller's death keeps the start of its decision.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

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
from pytest_synebench.trial import CheckpointRef, Config, Report, TrialId, TrialState

_OF_SESSIONS = (Opened, Began, Closed)  #: a free slot that was left free stays so
REJECTED = "REJECTED: "  #: in the remark of an attempt that refused a checkpoint


@dataclass(slots=True)
class TrialRecord:
    """One trial, as the journal tells it. The tuner folds into it; everyone else reads."""

    id: TrialId
    config: Config  #: hyperparameters only
    until: int | None  #: level at which the current attempt ends by itself
    checkpoint: CheckpointRef | None = None  #: whose bytes it started from
    state: TrialState = TrialState.RUNNING
    started_s: float = 0.0  #: time of the decision, or failure, that led to its current attempt
    started_from: int = 0  #: level it had then
    reports: list[Report] = field(default_factory=list)  #: one per level, ascending
    attempts_of: list[int] = field(default_factory=list)  #: attempt that sent each report
    attempts: int = 1  #: processes it has had, the current one included
    retries: int = 0  #: attempts that failed and were followed by another
    resumed: int = 0  #: times the scheduler resumed it
    #: per attempt: the level it began from, and the level that had been reported by then
    beginnings: dict[int, tuple[int, int]] = field(default_factory=dict)
    reason: str = ""  #: why it failed, or what its last attempt remarked
    remarks: list[str] = field(default_factory=list)  #: refused checkpoints, differing repeats
    resumes: dict[int, str] = field(default_factory=dict)  #: by attempt after the first: what came

    @property
    def level(self) -> int:
        """The last resource level it has reported, or began from as a copy; 0: none yet."""
        if self.reports:
            return self.reports[-1].resource
        return self.checkpoint.level if self.checkpoint else 0

    @property
    def saved(self) -> int:
        """Resource units that its own checkpoints spared it, not those of whom it is a copy."""
        copied = self.checkpoint.level if self.checkpoint else 0
        begun = self.beginnings.values()
        return sum(max(0, min(began, reported) - copied) for began, reported in begun)

    @property
    def repeated(self) -> int:
        """Resource units that had to be run again, for want of a checkpoint."""
        return sum(max(0, reported - began) for began, reported in self.beginnings.values())

    @property
    def last(self) -> Report | None:
        """Its last report."""
        return self.reports[-1] if self.reports else None

    @property
    def best(self) -> Report | None:
        """Its best finite report, the earliest of equals."""
        finite = [r for r in self.reports if math.isfinite(r.loss)]
        return min(finite, key=lambda r: r.loss) if finite else None


class TrialTable:
    """Every trial of an experiment, by id, and the totals over them."""

    def __init__(self) -> None:
        self._trials: dict[TrialId, TrialRecord] = {}
        self.trials: Mapping[TrialId, TrialRecord] = self._trials  #: in the order of their starts
        self.ended: list[TrialId] = []  #: completed, stopped or failed, in that order
        self.at_s = 0.0  #: of the last entry: where a resumed run's clock goes on
        self.failed = 0  #: trials that failed for good
        self.units = 0  #: resource units over all trials, each level of a trial once
        self.best: Report | None = None  #: the incumbent
        self.closed: Closed | None = None  #: how the last controller left, if it did
        self.declined: SlotFreed | None = None  #: left free, and nothing happened since

    @property
    def saved(self) -> int:
        """Resource units that resuming from checkpoints spared."""
        return sum(trial.saved for trial in self._trials.values())

    @property
    def repeated(self) -> int:
        """Resource units that were run again, for want of a checkpoint."""
        return sum(trial.repeated for trial in self._trials.values())

    def running(self) -> Iterator[TrialRecord]:
        """Yield the trials that have, or should have, an attempt."""
        return (t for t in self._trials.values() if t.state is TrialState.RUNNING)

    def fold(self, event: Event | Note, decisions: tuple[Decision, ...] = ()) -> None:
        """Take one entry of the journal in."""
        if isinstance(event, Reported):  # the most of them
            report, best = event.report, self.best
            at_s, resource = report.at_s, report.resource
            trial = self._trials[report.trial_id]
            reports = trial.reports
            level = reports[-1].resource if reports else trial.level
            # A copy that did not begin where it should have run the levels before it itself.
            self.units += resource - level if resource > level else resource
            reports.append(report)
            trial.attempts_of.append(trial.attempts - 1)
            if (best is None or report.loss < best.loss) and math.isfinite(report.loss):
                self.best = report
            self.declined = None
        else:
            at_s = event.at_s
            self._fold_other(event, decisions)
        if at_s > self.at_s:
            self.at_s = at_s
        for decision in decisions:
            self._fold_decision(decision, at_s)

    def _fold_other(self, event: SlotFreed | Ended | Note, decisions: tuple[Decision, ...]) -> None:
        match event:
            case Ended():
                self._fold_ended(event)
            case Began():
                self._fold_began(event)
            case Retried():
                self._fold_retried(event)
            case Opened() | Closed():
                self._fold_session(event)
            case SlotFreed():
                pass
        if not isinstance(event, _OF_SESSIONS):
            self.declined = event if isinstance(event, SlotFreed) and not decisions else None

    def _fold_session(self, event: Opened | Closed) -> None:
        self.closed = event if isinstance(event, Closed) else None
        if isinstance(event, Opened):
            for trial in self.running():
                trial.attempts += 1

    def _fold_retried(self, retried: Retried) -> None:
        trial = self._trials[retried.trial_id]
        trial.attempts += 1
        trial.retries += 1
        trial.reason = retried.reason
        trial.started_s, trial.started_from = retried.at_s, trial.level

    def _fold_ended(self, ended: Ended) -> None:
        trial = self._trials[ended.trial_id]
        trial.state, trial.reason = ended.state, ended.reason
        self.failed += ended.state is TrialState.FAILED
        self.ended.append(ended.trial_id)

    def _fold_began(self, began: Began) -> None:
        trial = self._trials[began.trial_id]
        # A second hello of one attempt amends the first: a helper was called after the reporter.
        # What the attempt itself has reported by then is not repeated.
        _, reported = trial.beginnings.get(began.attempt, (0, trial.level))
        trial.beginnings[began.attempt] = (began.resumed_from, reported)
        if began.attempt:
            trial.resumes[began.attempt] = _outcome(began)
        if began.remark:
            trial.remarks.append(began.remark)

    def _fold_decision(self, decision: Decision, at_s: float) -> None:
        match decision:
            case Start(trial_id=trial_id, config=config, until=until, checkpoint=ref):
                trial = TrialRecord(trial_id, config, until, ref, started_s=at_s)
                trial.started_from = trial.level
                self._trials[trial_id] = trial
            case Resume(trial_id=trial_id, until=until):
                trial = self._trials[trial_id]
                trial.state, trial.until = TrialState.RUNNING, until
                trial.started_s, trial.started_from = at_s, trial.level
                trial.attempts += 1
                trial.resumed += 1
            case Pause(trial_id=trial_id):
                self._trials[trial_id].state = TrialState.PAUSED
            case Stop(trial_id=trial_id):
                self._trials[trial_id].state = TrialState.STOPPED
                self.ended.append(trial_id)


def _outcome(began: Began) -> str:
    """Return what came of a resume: ``fresh``, ``resumed@LEVEL``, ``REJECTED: reason; …``."""
    where = f"resumed@{began.resumed_from}" if began.resumed_from else "fresh"
    return f"{began.remark}; {where}" if REJECTED in began.remark else where
