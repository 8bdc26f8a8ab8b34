"""The parts that a tuner joins, the limits it keeps, and what it knows of a living attempt."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_synebench.backends.protocol import AttemptKey, Backend
from pytest_synebench.clock import Clock
from pytest_synebench.experiment.journal.journal import Journal
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.experiment.tuner.budget import Budget
from pytest_synebench.experiment.tuner.deadlines import Deadlines, Watch
from pytest_synebench.experiment.tuner.intake import Intake
from pytest_synebench.experiment.tuner.launch import Launch
from pytest_synebench.schedulers.protocol import Scheduler


@dataclass(slots=True)
class Live:
    """An attempt whose processes are not yet known to be gone."""

    key: AttemptKey
    watch: Watch
    began_s: float  #: experiment time
    level: int = 0  #: the last level this attempt reported
    saved: int = 0  #: the last level this attempt saved a checkpoint of
    checkpoints: bool = False  #: whether the script saves and loads them
    told_to_stop: bool = False
    verdict: str = ""  #: why we ended it, where that makes the trial fail


@dataclass(frozen=True, slots=True, kw_only=True)
class Machinery:
    """The parts that a tuner joins."""

    scheduler: Scheduler
    backend: Backend
    journal: Journal
    table: TrialTable
    launch: Launch
    intake: Intake
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may happen at once, and for how long."""

    num_workers: int
    max_retries: int
    budget: Budget
    deadlines: Deadlines
    wind_down_s: float  #: how long ending attempts may take before they are ended by force
