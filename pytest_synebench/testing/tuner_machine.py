# ruff: noqa: S101 - a suite asserts; pytest shows the values since `testing` has them rewritten
"""A Hypothesis state machine that plays the tuner against a scheduler, by every rule.

Losses may be NaN, infinite or equal; trials fail, running or paused; scripts skip levels; the cap
on started trials is reached; the controller dies at any moment and comes back from its journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from pytest_synebench.events import (
    Decision,
    Ended,
    Event,
    Pause,
    Reported,
    Resume,
    SlotFreed,
    Start,
    Stop,
    from_json,
    is_same,
    to_json,
)
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.testing.game import Referee, state_of
from pytest_synebench.testing.strategies import LOSSES, SEEDS
from pytest_synebench.trial import Report, Scalar, TrialId, TrialState

_PICKS = st.integers(0, 63)
_EARLY_END = 5  #: where no end is known, scripts end after this many levels


class TunerMachine(RuleBasedStateMachine):
    """One game; a subclass says whose: see ``SchedulerSuite``."""

    def __init__(self) -> None:
        super().__init__()
        self._journal: list[tuple[Event, tuple[Decision, ...]]] = []
        self._since_restart = 0
        self._declined = False
        self._at_s = 0.0

    def make(self, seed: int) -> Scheduler:
        """Return a scheduler in its first state."""
        raise NotImplementedError

    def referee(self, scheduler: Scheduler) -> Referee:
        """Return the referee of a scheduler in its first state."""
        return Referee(scheduler)

    def metrics(self, trial_id: TrialId, resource: int) -> Mapping[str, Scalar]:  # noqa: ARG002
        """Return what a report has besides its loss."""
        return {}

    @initialize(
        seed=SEEDS,
        slots=st.integers(1, 4),
        cap=st.sampled_from([1, 3, 9, 10**6]),
        lost=st.integers(0, 9),
    )
    def begin(self, seed: int, slots: int, cap: int, lost: int = 0) -> None:
        """Set the table."""
        self._lost = lost  #: levels of checkpoints that the store has no more, for copies
        self._seed, self._slots, self._cap = seed, slots, cap
        self._referee = self.referee(self.make(seed))
        self._replayed = self.make(seed)  # decides nothing of its own, folds all

    @precondition(lambda self: self._has_idle_slot())
    @rule()
    def free_slot(self) -> None:
        """Offer a free slot."""
        self._offer()

    @precondition(lambda self: self._has_idle_slot())
    @rule(losses=st.lists(LOSSES, min_size=1, max_size=8))
    def one_after_the_other(self, losses: list[float]) -> None:
        """Per loss, offer a free slot; what runs there reports that loss until it is taken off."""
        for loss in losses:
            decisions = self._offer() if self._has_idle_slot() else ()
            for decision in decisions:
                assert isinstance(decision, Start | Resume)
                while self._referee.trials[decision.trial_id].state is TrialState.RUNNING:
                    self._report(decision.trial_id, 1, loss)

    @precondition(lambda self: self._referee.of(TrialState.RUNNING))
    @rule(pick=_PICKS, steps=st.integers(1, 4), loss=LOSSES)
    def report(self, pick: int, steps: int, loss: float) -> None:
        """Let a running trial report, possibly past some levels."""
        self._report(self._picked(pick, TrialState.RUNNING), steps, loss)

    @precondition(lambda self: self._referee.of(TrialState.RUNNING, TrialState.PAUSED))
    @rule(pick=_PICKS)
    def fail(self, pick: int) -> None:
        """Let a trial fail for good; a paused one, where its checkpoint turns out to be bad."""
        trial_id = self._picked(pick, TrialState.RUNNING, TrialState.PAUSED)
        self._end(trial_id, TrialState.FAILED)

    @rule()
    def restart(self) -> None:
        """Lose everything but the journal, read it back, and go on from there."""
        if not self._since_restart:
            return
        again = self.make(self._seed)
        for event, decisions in self._journal:
            again.fold(*_reread(event, decisions))
        assert state_of(again) == state_of(self._referee.scheduler), "a replay ends elsewhere"
        assert state_of(again) == state_of(self._replayed), "handling is not deciding and folding"
        self._referee.scheduler = again
        self._since_restart = 0

    # -- what the tuner does ---------------------------------------------------------------------

    def _has_idle_slot(self) -> bool:
        return not self._declined and len(self._referee.of(TrialState.RUNNING)) < self._slots

    def _picked(self, pick: int, *states: TrialState) -> TrialId:
        some = self._referee.of(*states)
        return some[pick % len(some)]

    def _offer(self) -> tuple[Decision, ...]:
        may_start = len(self._referee.trials) < self._cap
        decisions = self._handle(SlotFreed(at_s=self._now_s(), may_start=may_start))
        self._declined = not decisions
        return decisions

    def _report(self, trial_id: TrialId, steps: int, loss: float) -> None:
        trial = self._referee.trials[trial_id]
        last = trial.until or _EARLY_END
        resource = min(trial.level + steps, last)
        report = Report(
            trial_id=trial_id,
            resource=resource,
            loss=loss,
            at_s=self._now_s(),
            metrics=self.metrics(trial_id, resource),
        )
        self._handle(Reported(report=report))
        if trial.state is TrialState.RUNNING and resource == last:
            self._end(trial_id, TrialState.COMPLETED)

    def _end(self, trial_id: TrialId, state: TrialState) -> None:
        self._handle(Ended(at_s=self._now_s(), trial_id=trial_id, state=state))

    def _handle(self, event: Event) -> tuple[Decision, ...]:
        # As the tuner does: of a report no checkpoint is to be found.
        at_once = isinstance(event, Reported)
        foreseen = self._replayed.handle(event) if at_once else self._replayed.decide(event)
        decisions = self._referee.handle(event, self._pinned)
        same = len(foreseen) == len(decisions) and all(map(is_same, foreseen, decisions))
        assert same, f"on {event} a replayed scheduler decides differently"
        if not at_once:
            self._replayed.fold(event, decisions)
        self._journal.append((event, decisions))
        self._since_restart += 1
        self._declined = False
        return decisions

    def _pinned(self, decision: Decision) -> Decision:
        """Find the checkpoint that a copy begins from: that one, one before it, or none."""
        ref = decision.checkpoint if isinstance(decision, Start) else None
        if ref is None or not isinstance(decision, Start):
            return decision
        level = ref.level - self._lost
        found = replace(ref, level=level, sha256="0" * 64) if level > 0 else None
        return replace(decision, checkpoint=found)

    def _now_s(self) -> float:
        self._at_s += 1.0
        return self._at_s


def _reread(event: Event, decisions: tuple[Decision, ...]) -> tuple[Event, tuple[Decision, ...]]:
    """What a journal gives back."""
    again = from_json(to_json(event))
    assert isinstance(again, SlotFreed | Reported | Ended)
    read = tuple(from_json(to_json(decision)) for decision in decisions)
    return again, tuple(d for d in read if isinstance(d, Start | Resume | Pause | Stop))
