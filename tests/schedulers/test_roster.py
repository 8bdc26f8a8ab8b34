from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from by_hand import FREE, Numbered, completed, failed, pause, reported, resume, start, stop

from pytest_synebench.errors import UnknownTrialError
from pytest_synebench.events import Decision, Event
from pytest_synebench.schedulers.roster import Roster
from pytest_synebench.searchers.protocol import History
from pytest_synebench.trial import Config, TrialId, TrialState


@dataclass
class Listening:
    """Keeps what it is asked with."""

    asked: list[tuple[int, int, int, int]] = field(default_factory=list)

    def suggest(self, history: History, number: int) -> Config | None:
        known = (len(history.configs), len(history.reports), len(history.ended))
        self.asked.append((number, *known))
        return {"number": number}


def roster(*starts: int) -> Roster:
    made = Roster(Numbered())
    for trial in starts:
        made.fold(FREE, start(trial, 9))
    return made


def test_trials_are_numbered_like_the_suggestions_they_get() -> None:
    made = roster()
    for number in range(3):
        assert made.new_trial(9) == start(number, 9)
        made.fold(FREE, start(number, 9))


def test_asking_for_the_next_trial_does_not_start_it() -> None:
    made = roster(0)
    assert made.new_trial(3) == made.new_trial(3) == start(1, 3)
    with pytest.raises(UnknownTrialError):
        made.state(TrialId(1))


def test_there_is_no_next_trial_once_the_searcher_has_no_more_configs() -> None:
    made = Roster(Numbered(1))
    assert made.new_trial(None) == start(0, None)
    made.fold(FREE, start(0, None))
    assert made.new_trial(None) == ()


def test_the_searcher_is_told_of_configs_reports_and_ends() -> None:
    searcher = Listening()
    made = Roster(searcher)
    made.new_trial(9)
    for trial in range(3):
        made.fold(FREE, start(trial, 9))
    made.fold(reported(0, 1, 0.5), stop(0))
    made.fold(reported(1, 1, 0.5), pause(1))
    made.fold(failed(2), ())
    made.new_trial(9)
    assert searcher.asked == [(0, 0, 0, 0), (3, 3, 2, 2)]


def test_the_searcher_is_told_who_is_paused_and_so_does_not_run() -> None:
    paused: list[set[TrialId]] = []

    @dataclass
    class Watching:
        def suggest(self, history: History, number: int) -> Config | None:
            paused.append(set(history.paused))
            return {"number": number}

    made = Roster(Watching())
    for trial in range(2):
        made.fold(FREE, start(trial, 9))
    steps: list[tuple[Event, tuple[Decision, ...]]] = [
        (reported(0, 1, 0.5), pause(0)),
        (reported(1, 1, 0.5), pause(1)),
        (FREE, resume(0, 3)),
        (failed(1), ()),
    ]
    for event, decisions in steps:
        made.fold(event, decisions)
        made.new_trial(9)
    assert paused == [{0}, {0, 1}, {1}, set()]


def test_a_trial_stands_as_it_was_last_decided() -> None:
    made = roster(0)
    seen = [made.state(TrialId(0))]
    steps: list[tuple[Event, tuple[Decision, ...]]] = [
        (reported(0, 1, 0.5), pause(0)),
        (FREE, resume(0, 3)),
        (completed(0), ()),
    ]
    for event, decisions in steps:
        made.fold(event, decisions)
        seen.append(made.state(TrialId(0)))
    assert seen == ["running", "paused", "running", "completed"]
    made.fold(FREE, start(1, 9))
    made.fold(reported(1, 1, 0.5), stop(1))
    assert made.state(TrialId(1)) is TrialState.STOPPED


@pytest.mark.parametrize(
    ("event", "decisions"),
    [
        (reported(5, 1, 0.5), ()),
        (completed(5), ()),
        (FREE, resume(5, 3)),
        (FREE, pause(5)),
        (FREE, stop(5)),
    ],
)
def test_what_is_about_a_stranger_is_refused(event: Event, decisions: tuple[Decision, ...]) -> None:
    with pytest.raises(UnknownTrialError, match="trial 5 was never started here; 2 trials were"):
        roster(0, 1).fold(event, decisions)
