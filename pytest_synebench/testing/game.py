# ruff: noqa: S101 - a suite asserts; pytest shows the values since `testing` has them rewritten
"""A referee: holds every scheduler to the rules of the protocol, event by event.

It knows of each trial what the tuner would know, and of the algorithm only what ``Rules`` say.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

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
)
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.space import ConfigSpace
from pytest_synebench.trial import CheckpointRef, Report, TrialId, TrialState


@dataclass(slots=True)
class Player:
    """What the tuner knows of a trial."""

    until: int | None
    state: TrialState = TrialState.RUNNING
    level: int = 0

    @property
    def spent(self) -> bool:
        """Whether its attempt has reached the level at which it ends by itself."""
        return self.until is not None and self.level >= self.until


class Rules(Protocol):
    """The rules of one algorithm, on top of those that every scheduler keeps."""

    def see(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        """Take an event and its decisions in; fail an assertion where they break a rule."""
        ...

    def found(self, start: Start) -> None:  # noqa: ARG002 - most rules need not know
        """Take in from which checkpoint, or none, the tuner lets a new trial begin."""
        return


class NoRules(Rules):
    """Of an algorithm about which nothing more is known."""

    def see(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        """Allow everything."""


class Referee:
    """Passes events to a scheduler, and what comes back through every rule.

    Args:
        scheduler: the one on trial, in its first state.
        max_resource: the level that no trial may pass; None: none is known.
        always_starts: whether a free slot must get a trial while one may start.
        rules: of the algorithm.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        *,
        max_resource: int | None = None,
        always_starts: bool = True,
        rules: Rules | None = None,
    ) -> None:
        self.scheduler = scheduler
        self.trials: dict[TrialId, Player] = {}
        self._max_resource = max_resource
        self._always_starts = always_starts
        self._rules = rules or NoRules()

    def of(self, *states: TrialState) -> list[TrialId]:
        """Return the trials that stand so, in the order in which they were started."""
        return [trial_id for trial_id, trial in self.trials.items() if trial.state in states]

    def handle(
        self, event: Event, pin: Callable[[Decision], Decision] = lambda decided: decided
    ) -> tuple[Decision, ...]:
        """Return what the scheduler decides, once it has passed every rule.

        Args:
            event: what happened.
            pin: what the tuner makes of a decision: it finds the checkpoint of a copy.
        """
        before = state_of(self.scheduler)
        decisions = self.scheduler.decide(event)
        again = self.scheduler.decide(event)
        assert state_of(self.scheduler) == before, f"deciding on {event} changed the scheduler"
        assert again == decisions, f"asked twice about {event}, it decided differently"
        self._check(event, decisions)
        self._rules.see(event, decisions)
        pinned = tuple(map(pin, decisions))
        for decision in pinned:
            if isinstance(decision, Start):
                self._rules.found(decision)
                if decision.checkpoint is not None:
                    self.trials[decision.trial_id].level = decision.checkpoint.level
        self.scheduler.fold(event, pinned)
        return pinned

    def _check(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        match event:
            case SlotFreed():
                self._check_slot(event, decisions)
            case Reported():
                self._check_report(event, decisions)
            case Ended(trial_id=trial_id, state=state):
                assert decisions == (), f"there is nothing to decide about {event}"
                self.trials[trial_id].state = state

    def _check_slot(self, event: SlotFreed, decisions: tuple[Decision, ...]) -> None:
        assert len(decisions) <= 1, f"one slot was free, and it decided {decisions}"
        for decision in decisions:
            assert isinstance(decision, Start | Resume), f"{decision} fills no slot"
            if isinstance(decision, Start):
                assert event.may_start, f"{decision}, although none may start"
                assert decision.trial_id not in self.trials, f"{decision} for a second time"
                self._check_checkpoint(decision.checkpoint)
                self.trials[decision.trial_id] = Player(decision.until)
            else:
                self._resume(decision)
            self._check_until(decision)
        if self._always_starts and event.may_start:
            assert decisions, "a slot was left idle, although a trial may start"

    def _check_checkpoint(self, ref: CheckpointRef | None) -> None:
        if ref is None:
            return
        trial = self.trials.get(ref.trial_id)
        assert trial is not None, f"{ref}: never started"
        assert 0 < ref.level <= trial.level, f"{ref}, which is at level {trial.level}"
        assert ref.level in self.scheduler.levels, f"{ref}: levels are {self.scheduler.levels}"
        assert not ref.sha256, f"{ref}: a scheduler does not know the bytes"

    def _resume(self, decision: Resume) -> None:
        trial = self.trials.get(decision.trial_id)
        assert trial is not None, f"{decision}: never started"
        assert trial.state is TrialState.PAUSED, f"{decision}, which is {trial.state}"
        trial.state, trial.until = TrialState.RUNNING, decision.until

    def _check_until(self, decision: Start | Resume) -> None:
        ref = decision.checkpoint if isinstance(decision, Start) else None
        level = ref.level if ref else self.trials[decision.trial_id].level
        if decision.until is not None:
            assert decision.until > level, f"{decision}, which is at level {level} already"
        if self._max_resource is not None:
            assert decision.until is not None, f"{decision} may pass level {self._max_resource}"
            assert decision.until <= self._max_resource, f"{decision}: {self._max_resource} is last"

    def _check_report(self, event: Reported, decisions: tuple[Decision, ...]) -> None:
        trial = self.trials[event.report.trial_id]
        assert len(decisions) <= 1, f"one trial reported, and it decided {decisions}"
        for decision in decisions:
            assert isinstance(decision, Pause | Stop), f"{decision} answers no report"
            assert decision.trial_id == event.report.trial_id, f"{decision} on {event}"
            passed = range(trial.level + 1, event.report.resource + 1)
            told = f"levels are {self.scheduler.levels}"
            assert set(passed) & set(self.scheduler.levels), f"{decision} on {event}, but {told}"
            if isinstance(decision, Pause):
                assert self.scheduler.pauses, f"{decision}, but pauses is False"
            trial.state = TrialState.PAUSED if isinstance(decision, Pause) else TrialState.STOPPED
        trial.level = event.report.resource


def state_of(thing: object) -> object:
    """Return all that an object holds, in a form that compares by value, NaN equal to NaN.

    Searchers and spaces are left out: what they remember follows from their arguments.
    """
    if hasattr(thing, "suggest") or isinstance(thing, ConfigSpace):
        return type(thing).__name__
    if thing is None or isinstance(thing, str | int | Enum):
        return thing
    if isinstance(thing, float | Report):
        return repr(thing)
    if isinstance(thing, random.Random):
        return repr(thing.getstate())
    return _contents(thing)


def _contents(thing: object) -> object:
    if isinstance(thing, Mapping):
        return [(state_of(key), state_of(value)) for key, value in thing.items()]
    if isinstance(thing, AbstractSet):
        return sorted(repr(state_of(item)) for item in thing)
    if isinstance(thing, list | tuple):
        return [state_of(item) for item in thing]
    if hasattr(thing, "tolist"):  # an array
        return state_of(thing.tolist())
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    names = [name for name in (*slots, *getattr(thing, "__dict__", ())) if hasattr(thing, name)]
    assert names or slots, f"no way to see what {thing!r} holds"
    return type(thing).__name__, [(name, state_of(getattr(thing, name))) for name in names]
