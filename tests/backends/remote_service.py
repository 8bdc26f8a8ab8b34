"""A training service in memory: calls travel, may fail, come late or twice; jobs act plays.

Nothing here knows a back-end. Time is a ``VirtualClock``; what happens is drawn from a seed.
"""

from __future__ import annotations

import heapq
import itertools
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pytest_synebench.backends.protocol import AttemptSpec
from pytest_synebench.channel import Message
from pytest_synebench.clock import VirtualClock

PAGE = 500  #: messages that one answer holds at most
STEP_S = 0.5  #: how long a job takes for one step of its play
BOOT_S = 60.0  #: how long a job waits for its machine once it is accepted
GRACE_S = 120.0  #: between the polite request to end and the end by force


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How calls travel, and how often (0 to 1) something befalls one."""

    seed: int = 0
    delay_s: tuple[float, float] = (0.01, 0.2)
    throttled: float = 0.0  #: refused, without effect
    lost: float = 0.0  #: it took effect, and the answer says that it timed out
    late: float = 0.0  #: takes a hundred times as long
    repeated: float = 0.0  #: answered again, later
    denied: bool = False  #: the credentials have expired


@dataclass(slots=True)
class Job:
    """One job: a state machine."""

    name: str
    play: list[list[Any]]
    spec: AttemptSpec
    status: str = "Pending"
    detail: str = ""
    machine: bool = False  #: whether it ever had one
    deaf: bool = False
    stopping: bool = False
    messages: list[Message] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return self.status in {"Completed", "Failed", "Stopped"}

    def send(self, kind: str, **fields: Any) -> None:
        self.messages.append(Message(kind, len(self.messages), fields))

    def report(self, metrics: dict[str, Any]) -> None:
        until = self.spec.until
        if not self.messages:
            self.send("hello", version=1, checkpoints=False, resumed_from=0, remark="")
        self.send("report", metrics=metrics)
        if until is not None and metrics.get("epoch") == until:
            self.end("Completed", "exit code 0")

    def end(self, status: str, detail: str) -> None:
        if not self.ended:
            self.status, self.detail = status, detail

    def act(self, step: str, *rest: Any) -> None:  # noqa: C901 - a table of steps
        match step:
            case "report":
                self.report(rest[0])
            case "many":
                for epoch in range(1, rest[0] + 1):
                    self.report({"epoch": epoch})
            case "echo":
                self.report({"epoch": 1, "text": self.spec.config["text"]})
            case "end":
                self.end("Failed" if rest[0] else "Completed", f"exit code {rest[0]}")
            case "crash":
                self.end("Failed", f"exit code 1\nRuntimeError: {rest[0]}")
            case "lost":
                self.end("Failed", "InternalServerError: the machine was lost")
            case "deaf":
                self.deaf = True
            case _:
                """To hang takes no act, and there is no stdout for junk."""


class RefusedError(Exception):
    """An answer that says no; the text says which no."""


Answer = Callable[[object], None]


class Service:
    """The service, and the network that leads to it."""

    def __init__(self, clock: VirtualClock, network: Network, quota: int = 100) -> None:
        self.clock = clock
        self.network = network
        self.quota = quota
        self.jobs: dict[str, Job] = {}
        self._random = random.Random(network.seed)
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._counter = itertools.count()

    # -- time ------------------------------------------------------------------------------------

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (self.clock.now_s() + seconds, next(self._counter), action))

    def next_s(self) -> float | None:
        """Return when the next thing happens."""
        return self._heap[0][0] if self._heap else None

    def happen(self) -> None:
        """Have everything happen that is due now."""
        while self._heap and self._heap[0][0] <= self.clock.now_s():
            heapq.heappop(self._heap)[2]()

    def advance(self, until_s: float) -> None:
        """Move to the next thing that happens, or to ``until_s`` if that is sooner."""
        target = min(until_s, self.next_s() or until_s)
        self.clock.advance(max(0.0, target - self.clock.now_s()))
        self.happen()

    def rest(self, seconds: float) -> None:
        """Let time pass."""
        until_s = self.clock.now_s() + seconds
        while self.clock.now_s() < until_s:
            self.advance(until_s)

    # -- the network -----------------------------------------------------------------------------

    def call(self, verb: Callable[[], object], answer: Answer) -> None:
        """Send a call; its answer, a value or a ``RefusedError``, comes later."""
        chance = self._random
        if chance.random() < self.network.throttled:
            self.later(self._travel(), lambda: answer(RefusedError("ThrottlingException")))
            return

        def effect() -> None:
            value: object
            try:
                value = self._allow(verb)
            except RefusedError as refusal:
                value = refusal
            else:
                if chance.random() < self.network.lost:
                    value = RefusedError("timed out")
            self.later(self._travel(), lambda: answer(value))
            if chance.random() < self.network.repeated:
                self.later(self._travel() * 50, lambda: answer(value))

        self.later(self._travel(), effect)

    def _allow(self, verb: Callable[[], object]) -> object:
        if self.network.denied:
            raise RefusedError("ExpiredToken")
        return verb()

    def _travel(self) -> float:
        late = self._random.random() < self.network.late
        return self._random.uniform(*self.network.delay_s) * (100 if late else 1)

    # -- the verbs -------------------------------------------------------------------------------

    def create(self, name: str, spec: AttemptSpec) -> None:
        if name in self.jobs:
            raise RefusedError("ResourceInUse")
        if sum(not job.ended for job in self.jobs.values()) >= self.quota:
            raise RefusedError("ResourceLimitExceeded")
        job = Job(name, json.loads(str(spec.config["play"])), spec)
        self.jobs[name] = job
        self.later(BOOT_S, lambda: self._boot(job))

    def stop(self, name: str) -> None:
        job = self._job(name)
        if job.ended:
            raise RefusedError("ValidationException: it has ended")
        job.stopping = True
        if job.deaf:
            self.later(GRACE_S, lambda: job.end("Stopped", "ended by force"))
        else:
            job.end("Stopped", "told to stop")

    def describe(self, name: str) -> tuple[str, str, bool]:
        job = self._job(name)
        return job.status, job.detail, job.machine

    def reports(self, name: str, after: int) -> list[Message]:
        """Return a page of what a job has sent, from number ``after`` on."""
        return self._job(name).messages[after : after + PAGE]

    def _job(self, name: str) -> Job:
        if name not in self.jobs:
            raise RefusedError("ResourceNotFound")
        return self.jobs[name]

    # -- jobs ------------------------------------------------------------------------------------

    def _boot(self, job: Job) -> None:
        if not job.ended:
            job.status, job.machine = "InProgress", True
            self._act(job)

    def _act(self, job: Job) -> None:
        if job.ended:
            return
        if not job.play:
            job.end("Completed", "exit code 0")
            return
        step, *rest = job.play.pop(0)
        job.act(step, *rest)
        if step != "hang":
            self.later(STEP_S, lambda: self._act(job))
