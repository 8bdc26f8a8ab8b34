"""The account: its jobs, its quotas, its time. The only place where a job changes.

Invariants (tests/emulator/jobs/test_account.py holds each one):
- a name is given once, for ever;
- whoever waits for something sees it as soon as it has happened, and never waits for the clock of
  the machine;
- what an event demands of a machine is ordered once, in order.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pytest_synebench.emulator.clock import Clock
from pytest_synebench.emulator.jobs import lifecycle, quotas
from pytest_synebench.emulator.jobs.lifecycle import (
    DEFAULT_RUNTIME_S,
    Effect,
    Event,
    Life,
    Terms,
    Ticked,
)
from pytest_synebench.emulator.refusal import Refusal

ACCOUNT = "123456789012"
LINES_KEPT = 10_000  #: of a job's log, for those that wait for one; CloudWatch has them all
_LONGEST_WAIT_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the service behaves as long as nobody tells it otherwise."""

    region: str = "us-east-1"
    grace_s: float = 120.0  #: between SIGTERM and SIGKILL
    startup_s: float = 0.0  #: until a machine is there
    sync_s: float = 2.0  #: between two looks at a job's checkpoints (ASSUMED-07)
    python: str = ""  #: folder put first in the PATH of containers
    entrypoint: tuple[str, ...] = ()  #: of images: what runs where a request names none


@dataclass(slots=True, kw_only=True)
class Entry:
    """A job, and what stands beside its life."""

    name: str
    request: Mapping[str, Any]
    life: Life
    earlier: Life  #: one transition ago
    modified_s: float
    tags: list[dict[str, str]] = field(default_factory=list)
    metrics: dict[str, tuple[float, float]] = field(default_factory=dict)  #: value, and when
    lines: list[str] = field(default_factory=list)


class Machines(Protocol):
    """Carries out what a job's life demands."""

    def carry_out(self, entry: Entry, effect: Effect) -> None:
        """Begin it; returns at once. What comes of it is fed to the account."""
        ...


class Account:
    """Every job of this emulator."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self.clock = clock
        self.settings = settings
        self.quotas: dict[str, int] = {}
        self._machines: Machines | None = None
        self._jobs: dict[str, Entry] = {}
        self._changed = threading.Condition(threading.RLock())

    def use(self, machines: Machines) -> None:
        """Have jobs run on these machines."""
        self._machines = machines

    def arn(self, name: str) -> str:
        """Return the ARN of a job."""
        return f"arn:aws:sagemaker:{self.settings.region}:{ACCOUNT}:training-job/{name}"

    def create(self, request: Mapping[str, Any]) -> Entry:
        """Take a job in.

        Raises:
            Refusal: the name is taken, or there is no instance for it.
        """
        name = request["TrainingJobName"]
        with self._changed:
            if name in self._jobs:
                raise Refusal(
                    "ResourceInUse",
                    "Training job names must be unique within an AWS account and region, and a "
                    f"training job with this name already exists ({self.arn(name)})",
                )
            alive = [e.request for e in self._jobs.values() if e.life.ended_s is None]
            quotas.check(self.quotas, request, alive)
            now_s = self.clock.now_s()
            life = lifecycle.born(self._terms(request), now_s)
            tags = [dict(tag) for tag in request.get("Tags", ())]
            entry = Entry(
                name=name, request=request, life=life, earlier=life, modified_s=now_s, tags=tags
            )
            self._jobs[name] = entry
            self._feed(entry, Ticked())
            return entry

    def _terms(self, request: Mapping[str, Any]) -> Terms:
        condition = request.get("StoppingCondition", {})
        return Terms(
            max_runtime_s=condition.get("MaxRuntimeInSeconds", DEFAULT_RUNTIME_S),
            max_wait_s=condition.get("MaxWaitTimeInSeconds"),
            spot=bool(request.get("EnableManagedSpotTraining")),
            startup_s=self.settings.startup_s,
            grace_s=self.settings.grace_s,
        )

    def find(self, name: str) -> Entry:
        """Return a job.

        Raises:
            Refusal: there is none of that name (ASSUMED-08).
        """
        with self._changed:
            entry = self._jobs.get(name)
        if entry is None:
            raise Refusal("ValidationException", "Requested resource not found.")
        return entry

    def jobs(self) -> list[Entry]:
        """Return every job, in the order in which they were created."""
        with self._changed:
            return list(self._jobs.values())

    def feed(self, entry: Entry, event: Event) -> None:
        """Tell a job that something happened.

        Raises:
            IllegalEventError: it cannot, in the state the job is in.
        """
        with self._changed:
            self._feed(entry, event)

    def _feed(self, entry: Entry, event: Event) -> None:
        now_s = self.clock.now_s()
        life, effects = lifecycle.after(entry.life, event, now_s)
        if life.history != entry.life.history:
            entry.earlier = entry.life
            entry.modified_s = now_s
        entry.life = life
        for effect in effects:
            if self._machines is not None:
                self._machines.carry_out(entry, effect)
        self._changed.notify_all()

    def note(self, change: Callable[[], None]) -> None:
        """Change what stands beside jobs, and tell those that wait."""
        with self._changed:
            change()
            self._changed.notify_all()

    def add_lines(self, entry: Entry, lines: list[str]) -> None:
        """Keep lines of a job's log."""
        with self._changed:
            entry.lines += lines
            if len(entry.lines) > LINES_KEPT:
                del entry.lines[:-LINES_KEPT]
            self._changed.notify_all()

    def wait(self, holds: Callable[[], bool], timeout_s: float) -> bool:
        """Return whether something holds, as soon as it does, or after ``timeout_s``."""
        with self._changed:
            return self._changed.wait_for(holds, timeout_s)

    def advance(self, seconds: float) -> None:
        """Move the clock; whatever is due is done before this returns."""
        with self._changed:
            self.clock.advance(seconds)
            self.tick()

    def tick(self) -> float:
        """Do what is due; return seconds until something will be."""
        with self._changed:
            for entry in list(self._jobs.values()):
                while entry.life.due_s is not None and entry.life.due_s <= self.clock.now_s():
                    self._feed(entry, Ticked())
            return self._until_due_s()

    def _until_due_s(self) -> float:
        due = [e.life.due_s for e in self._jobs.values() if e.life.due_s is not None]
        if self.clock.driven or not due:
            return _LONGEST_WAIT_S
        return min(_LONGEST_WAIT_S, max(0.0, min(due) - self.clock.now_s()))

    def keep_time(self, ended: threading.Event) -> None:
        """Do what is due whenever it is, until ``ended`` is set and something changes."""
        with self._changed:
            while not ended.is_set():
                self._changed.wait(self.tick())

    def forget(self) -> None:
        """Have no jobs, quotas or tags any more; their processes must have ended."""
        with self._changed:
            self._jobs.clear()
            self.quotas.clear()
            self._changed.notify_all()
