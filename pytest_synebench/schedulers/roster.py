"""The roster: which trials a scheduler has started, how each one stands, and the next new one.

Invariants (tests/schedulers/test_roster.py holds each one):
- trials are numbered 0, 1, 2, … and trial i gets the searcher's suggestion number i;
- asking for the next trial changes nothing: it is started when its ``Start`` is folded in;
- an event or a decision about a trial that was never started is refused by name.
"""

from __future__ import annotations

from pytest_synebench.errors import UnknownTrialError
from pytest_synebench.events import (
    Decision,
    Ended,
    Event,
    Pause,
    Reported,
    Resume,
    Start,
    Stop,
)
from pytest_synebench.searchers.protocol import History, Searcher
from pytest_synebench.trial import Config, Report, TrialId, TrialState


class Roster:
    """Every trial of one scheduler.

    Args:
        searcher: where the configs of new trials come from.
    """

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._history = History()
        self._states: dict[TrialId, TrialState] = {}

    def state(self, trial_id: TrialId) -> TrialState:
        """Return how a trial stands.

        Raises:
            UnknownTrialError: it was never started.
        """
        try:
            return self._states[trial_id]
        except KeyError:
            raise UnknownTrialError(
                f"trial {trial_id} was never started here; {len(self._states)} trials were, "
                "numbered from 0: events must come from this scheduler's own run"
            ) from None

    @property
    def next_id(self) -> TrialId:
        """The id that the next new trial will have."""
        return TrialId(len(self._states))

    def config(self, trial_id: TrialId) -> Config:
        """Return the config of a trial that was started."""
        return self._history.configs[trial_id]

    def new_trial(self, until: int | None) -> tuple[Start, ...]:
        """Return the decision that starts the next trial, or (): the searcher has no more configs.

        Args:
            until: resource level at which its attempt ends by itself; None: where the script ends.
        """
        config = self._searcher.suggest(self._history, self.next_id)
        if config is None:
            return ()
        return (Start(trial_id=self.next_id, config=config, until=until),)

    def fold(self, event: Event, decisions: tuple[Decision, ...]) -> None:
        """Take an event, and what was decided about it, in."""
        if isinstance(event, Reported):  # the most of them
            self.report(event.report)
        elif isinstance(event, Ended):
            self._end(event.trial_id, event.state)
        for decision in decisions:
            self._fold_decision(decision)

    def report(self, report: Report) -> None:
        """Take a report in, of which nothing was decided.

        Raises:
            UnknownTrialError: its trial was never started.
        """
        if report.trial_id not in self._states:
            self.state(report.trial_id)
        self._history.reports.append(report)

    def _fold_decision(self, decision: Decision) -> None:
        match decision:
            case Start(trial_id=trial_id, config=config):
                self._states[trial_id] = TrialState.RUNNING
                self._history.configs[trial_id] = config
            case Stop(trial_id=trial_id):
                self._end(trial_id, TrialState.STOPPED)
            case Pause(trial_id=trial_id):
                self.state(trial_id)
                self._states[trial_id] = TrialState.PAUSED
                self._history.paused.add(trial_id)
            case Resume(trial_id=trial_id):
                self.state(trial_id)
                self._states[trial_id] = TrialState.RUNNING
                self._history.paused.discard(trial_id)

    def _end(self, trial_id: TrialId, state: TrialState) -> None:
        self.state(trial_id)
        self._states[trial_id] = state
        self._history.ended.add(trial_id)
        self._history.paused.discard(trial_id)
