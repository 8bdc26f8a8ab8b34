# ruff: noqa: S101 - a suite asserts; pytest shows the values since `testing` has them rewritten
"""What every scheduler must do: subclass ``SchedulerSuite`` and say how one is made.

    class TestMyScheduler(SchedulerSuite):
        def make(self, seed: int) -> Scheduler:
            return MyScheduler(RandomSearch(SPACE, seed=seed), max_resource=self.max_resource)

The searcher must be endless. Where the algorithm's own rules can be foretold, ``rules`` makes an
oracle of them, and the same games are checked against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from pytest_synebench.errors import UnknownTrialError
from pytest_synebench.events import Ended, Event, Reported, SlotFreed, Start
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.testing.game import NoRules, Referee, Rules
from pytest_synebench.testing.tuner_machine import TunerMachine
from pytest_synebench.trial import Report, Scalar, TrialId, TrialState

_STRANGER = TrialId(7)
_ABOUT_A_STRANGER: list[Event] = [
    Reported(report=Report(trial_id=_STRANGER, resource=1, loss=0.5, at_s=1.0)),
    Ended(trial_id=_STRANGER, state=TrialState.COMPLETED, at_s=1.0),
    Ended(trial_id=_STRANGER, state=TrialState.FAILED, at_s=1.0),
]


class SchedulerSuite:
    """The conformance suite of schedulers."""

    #: The level that no trial may pass; None: the scheduler is made without one.
    max_resource: ClassVar[int | None] = 9
    #: Whether a free slot must get a trial while one may start.
    always_starts: ClassVar[bool] = True
    #: How many games are played, and of how many moves.
    games: ClassVar[int] = 40
    moves: ClassVar[int] = 20

    def make(self, seed: int) -> Scheduler:
        """Return a scheduler in its first state; equal seeds give equal ones."""
        raise NotImplementedError

    def metrics(self, trial_id: TrialId, resource: int) -> Mapping[str, Scalar]:  # noqa: ARG002
        """Return what a report has besides its loss: none, unless the algorithm looks at some."""
        return {}

    def rules(self) -> Rules:
        """Return the rules of the algorithm, on top of the protocol's."""
        return NoRules()

    def test_any_game_is_played_by_the_rules_and_replays_from_its_journal(self) -> None:
        """The tuner's side is drawn by Hypothesis: see ``TunerMachine`` and ``Referee``."""
        suite = self

        class Game(TunerMachine):
            def make(self, seed: int) -> Scheduler:
                return suite.make(seed)

            def metrics(self, trial_id: TrialId, resource: int) -> Mapping[str, Scalar]:
                return suite.metrics(trial_id, resource)

            def referee(self, scheduler: Scheduler) -> Referee:
                return Referee(
                    scheduler,
                    max_resource=suite.max_resource,
                    always_starts=suite.always_starts,
                    rules=suite.rules(),
                )

        run_state_machine_as_test(
            Game,
            settings=settings(
                max_examples=self.games,
                stateful_step_count=self.moves,
                deadline=None,
                phases=[phase for phase in Phase if phase is not Phase.explain],
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )

    @pytest.mark.parametrize("event", _ABOUT_A_STRANGER, ids=lambda event: type(event).__name__)
    def test_an_event_about_a_trial_it_never_started_is_refused(self, event: Event) -> None:
        """Deciding and folding both refuse, and the text names the trial."""
        answers: list[Callable[[Scheduler], object]] = [
            lambda scheduler: scheduler.decide(event),
            lambda scheduler: scheduler.fold(event, ()),
        ]
        for answer in answers:
            with pytest.raises(UnknownTrialError, match=f"trial {_STRANGER} "):
                answer(self.make(0))

    def test_the_first_free_slot_gets_a_first_trial(self) -> None:
        """Equal schedulers start the same trial."""
        first, again = (self.make(0).decide(SlotFreed(at_s=0.0)) for _ in range(2))
        assert isinstance(first[0], Start)
        assert first == again

    def test_nothing_starts_where_nothing_may(self) -> None:
        """``may_start`` is the cap on trials, and the tuner's alone."""
        assert self.make(0).decide(SlotFreed(at_s=0.0, may_start=False)) == ()

    def test_levels_ascend_and_end_below_the_last(self) -> None:
        """They say where checkpoints are written, and where a trial may be taken off."""
        scheduler = self.make(0)
        levels = [0, *scheduler.levels]
        assert levels == sorted(set(levels))
        assert self.max_resource is None or levels[-1] < self.max_resource
        assert isinstance(scheduler.pauses, bool)
