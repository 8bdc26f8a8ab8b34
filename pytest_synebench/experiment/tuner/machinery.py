"""The parts that a tuner joins, the limits it keeps, and what it knows of a living attempt."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

from pytest_synebench.backends.protocol import AttemptKey, AttemptReported, Backend
from pytest_synebench.clock import Clock
from pytest_synebench.experiment.journal.journal import Journal, Unwritten
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.experiment.tuner.budget import Budget
from pytest_synebench.experiment.tuner.deadlines import Deadlines, Watch
from pytest_synebench.experiment.tuner.intake import Intake
from pytest_synebench.experiment.tuner.launch import Launch
from pytest_synebench.experiment.tuner.order import AsItComes, Order
from pytest_synebench.experiment.tuner.stopwatch import Stopwatch
from pytest_synebench.schedulers.protocol import Scheduler


@dataclass(slots=True)
class Live:
    """An attempt whose processes are not yet known to be gone."""

    key: AttemptKey
    watch: Watch
    began_s: float  #: measured seconds since the experiment began
    level: int = 0  #: the last level this attempt reported
    saved: int = 0  #: the last level this attempt saved a checkpoint of
    checkpoints: bool = False  #: whether the script saves and loads them
    begun: bool = False  #: it has said hello
    spent: bool = False  #: its last level is reported, and safe: it has nothing left but to end
    gone: bool = False  #: its processes are, though its end may not count yet
    told_to_stop: bool = False
    cut: bool = False  #: nothing more that it sent counts
    verdict: str = ""  #: why we ended it, where that makes the trial fail
    arrived_s: dict[int, float] = field(default_factory=dict)  #: measured, by number of its report

    @property
    def watched(self) -> bool:
        """Whether its deadlines count; one that is being ended is in the back-end's hands."""
        return not (self.verdict or self.told_to_stop or self.gone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machinery:
    """The parts that a tuner joins."""

    scheduler: Scheduler
    backend: Backend
    journal: Journal | Unwritten
    table: TrialTable
    launch: Launch
    intake: Intake
    clock: Clock
    order: Order = field(default_factory=AsItComes)
    spent_s: float | None = None  #: measured by earlier sessions; None: what the journal says
    #: of an instant back-end: what happens before a time, while that is one report after the other
    reports: Callable[[float], Iterator[AttemptReported]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may happen at once, and for how long."""

    num_workers: int
    max_retries: int
    budget: Budget
    deadlines: Deadlines
    wind_down_s: float  #: how long ending attempts may take before they are ended by force
    strict_checkpoints: bool = False  #: whether a refused checkpoint fails its trial
    session_s: float | None = None  #: measured seconds after which this session breaks off
    #: whether waiting takes no time, and all that is due at one moment can be had at once
    instant: bool = False
    cap: Callable[[], str] | None = None  #: says why no more may be spent, or ""

    @property
    def polls(self) -> int:
        """How often one pump asks the back-end: where that takes no time, for a while."""
        return 100 if self.instant else 1

    def undisturbed(self) -> AbstractContextManager[None]:
        """Keep the search for cycles out of a pump where waiting takes no time.

        Reports come by the thousand there, they stay, and none of them is part of a cycle: looked
        at again and again, they would cost a tenth of the run.
        """
        return _no_collection() if self.instant else nullcontext()

    @property
    def timed(self) -> bool:
        """Whether the experiment, or the session, may end although nothing is reported."""
        time = self.session_s is not None or self.budget.scheduler_timeout_s is not None
        return time or self.cap is not None

    def over(self, parts: Machinery, at_s: float, watch: Stopwatch) -> tuple[str, bool]:
        """Return why nothing more is to happen, or "", and whether the experiment is over by that.

        What is measured, time and money, ends only a session of a run in virtual time.
        """
        if reason := self.budget.exceeded(parts.table, at_s):
            return reason, True
        if self.session_s is not None and (reason := self.breaks_off(watch.session_s())):
            return reason, False
        return ("" if self.cap is None else self.cap()), not parts.order.virtual

    def breaks_off(self, session_s: float) -> str:
        """Return why a session that has taken so many seconds is interrupted, or ""."""
        if self.session_s is None or session_s < self.session_s:
            return ""
        return (
            f"scheduler_timeout of {self.session_s:g} s reached; in a deterministic run measured "
            "time ends only a session, not the run: --synebench-resume goes on"
        )


@contextmanager
def _no_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
