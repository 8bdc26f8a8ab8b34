"""What a searcher is: a pure function from what is known to the next config."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from pytest_synebench.trial import Config, Report, TrialId


@dataclass(slots=True)
class History:
    """What a scheduler knows when it asks for a config. It folds events in; searchers only read."""

    configs: dict[TrialId, Config] = field(default_factory=dict)  #: of every trial started
    reports: list[Report] = field(default_factory=list)  #: in the order they were folded in
    ended: set[TrialId] = field(default_factory=set)  #: completed, stopped or failed
    paused: set[TrialId] = field(default_factory=set)  #: alive, but not running


class Searcher(Protocol):
    """Suggests configs (hyperparameters only; constants are the benchmark's).

    Equal constructor arguments, history and number give an equal config: there is no generator
    state, chance is keyed by (seed, number). So a journal can be folded back in without asking
    again, and experiments with equal run ids start from equal configs.
    """

    def suggest(self, history: History, number: int) -> Config | None:
        """Return config ``number`` (0, 1, 2, …), or None: the space holds no more."""
        ...
