"""The referee of schedulers: each rule whistles when it is broken."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass, field

import pytest

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
from pytest_synebench.schedulers.fifo import Fifo
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.searchers.protocol import History
from pytest_synebench.testing.game import Referee, state_of
from pytest_synebench.testing.tuner_machine import TunerMachine
from pytest_synebench.trial import Config, Report, TrialId, TrialState

ONE, TWO = TrialId(1), TrialId(2)
FREE = SlotFreed(at_s=0.0)
CAPPED = SlotFreed(at_s=0.0, may_start=False)


class Scripted(Scheduler):
    """Decides what it was told to, whatever happens."""

    def __init__(self, *script: tuple[Decision, ...], pauses: bool = True) -> None:
        self.pauses = pauses
        self.levels = (1, 3)
        self.script = script
        self.at = 0

    def decide(self, event: Event) -> tuple[Decision, ...]:
        return self.script[self.at]

    def fold(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        self.at += 1


def start(trial: TrialId = ONE, until: int | None = 9) -> tuple[Decision, ...]:
    return (Start(trial_id=trial, config={}, until=until),)


def report(resource: int) -> Reported:
    return Reported(report=Report(trial_id=ONE, resource=resource, loss=0.5, at_s=0.0))


def end() -> Ended:
    return Ended(at_s=0.0, trial_id=ONE, state=TrialState.FAILED)


PAUSE, STOP = Pause(trial_id=ONE), Stop(trial_id=ONE)


@pytest.mark.parametrize(
    ("moves", "text"),
    [
        ([(FREE, start(ONE) + start(TWO))], "one slot was free"),
        ([(FREE, (PAUSE,))], "fills no slot"),
        ([(CAPPED, start())], "although none may start"),
        ([(FREE, start()), (FREE, start())], "for a second time"),
        ([(FREE, ())], "a slot was left idle"),
        ([(FREE, start(until=10))], "9 is last"),
        ([(FREE, start(until=None))], "may pass level 9"),
        ([(FREE, (Resume(trial_id=ONE, until=3),))], "never started"),
        ([(FREE, start()), (FREE, (Resume(trial_id=ONE, until=3),))], "which is running"),
        (
            [(FREE, start()), (end(), ()), (FREE, (Resume(trial_id=ONE, until=3),))],
            "which is failed",
        ),
        (
            [
                (FREE, start(until=1)),
                (report(1), (PAUSE,)),
                (FREE, (Resume(trial_id=ONE, until=1),)),
            ],
            "which is at level 1 already",
        ),
        ([(FREE, start()), (report(1), (PAUSE, STOP))], "one trial reported"),
        ([(FREE, start()), (report(1), start(TWO))], "answers no report"),
        ([(FREE, start()), (report(1), (Stop(trial_id=TWO),))], "on Reported"),
        ([(FREE, start()), (report(2), ()), (report(2), (STOP,))], r"levels are \(1, 3\)"),
        ([(FREE, start()), (end(), (STOP,))], "there is nothing to decide"),
    ],
)
def test_what_breaks_a_rule_is_called(
    moves: list[tuple[Event, tuple[Decision, ...]]], text: str
) -> None:
    referee = Referee(Scripted(*(decisions for _, decisions in moves)), max_resource=9)
    for event, _ in moves[:-1]:
        referee.handle(event)
    with pytest.raises(AssertionError, match=text):
        referee.handle(moves[-1][0])


def test_a_pause_by_one_that_says_it_never_pauses_is_called() -> None:
    referee = Referee(Scripted(start(), (PAUSE,), pauses=False))
    referee.handle(FREE)
    with pytest.raises(AssertionError, match="pauses is False"):
        referee.handle(report(1))


@dataclass
class Numbered:
    def suggest(self, history: History, number: int) -> Config | None:
        return {"number": number}


class Counting(Fifo):
    """Counts in ``decide``, deep inside."""

    def __init__(self) -> None:
        super().__init__(Numbered(), max_resource=9)
        self.deep = {"count": [0]}

    def decide(self, event: Event) -> tuple[Decision, ...]:
        self.deep["count"][0] += 1
        return super().decide(event)


class Whimsical(Fifo):
    """Decides by something that is no state of its own."""

    whims = iter(range(1, 9))

    def decide(self, event: Event) -> tuple[Decision, ...]:
        return start(until=next(self.whims))


def test_deciding_that_changes_something_is_called() -> None:
    with pytest.raises(AssertionError, match="changed the scheduler"):
        Referee(Counting()).handle(FREE)


def test_deciding_by_whim_is_called() -> None:
    with pytest.raises(AssertionError, match="asked twice"):
        Referee(Whimsical(Numbered())).handle(FREE)


class Unrepeatable(Fifo):
    """Holds something that no journal tells."""

    made = itertools.count()

    def __init__(self) -> None:
        super().__init__(Numbered(), max_resource=9)
        self.number = next(self.made)


class Repeating(Unrepeatable):
    """Decides by it."""

    def decide(self, event: Event) -> tuple[Decision, ...]:
        return start(until=1 + self.number)


class Game(TunerMachine):
    def __init__(self, kind: type[Unrepeatable | Repeating]) -> None:
        super().__init__()
        self.kind = kind

    def make(self, seed: int) -> Scheduler:
        return self.kind()


def test_a_state_that_a_journal_cannot_restore_is_called() -> None:
    game = Game(Unrepeatable)
    game.begin(seed=0, slots=1, cap=9)
    game.free_slot()
    with pytest.raises(AssertionError, match="a replay ends elsewhere"):
        game.restart()


def test_a_decision_that_a_journal_cannot_foretell_is_called() -> None:
    game = Game(Repeating)
    game.begin(seed=0, slots=2, cap=9)
    with pytest.raises(AssertionError, match="a replayed scheduler decides differently"):
        game.free_slot()


@dataclass(slots=True)
class Holder:
    inside: object = None
    more: dict[str, object] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Holder(1), Holder(2)),
        (Holder([{1}]), Holder([{2}])),
        (Holder(more={"a": (1, 2)}), Holder(more={"a": (1, 3)})),
        (Holder(Holder(1)), Holder(Holder(math.nan))),
        (random.Random(1), random.Random(2)),
        (Scripted(), Scripted(pauses=False)),
    ],
)
def test_states_differ_wherever_something_inside_differs(one: object, other: object) -> None:
    assert state_of(one) != state_of(other)


def test_states_are_equal_where_all_inside_is_nan_included() -> None:
    def make() -> Holder:
        return Holder([math.nan, {3, 1, 2}, None], {"rng": random.Random(7), "who": Numbered()})

    assert state_of(make()) == state_of(make())
