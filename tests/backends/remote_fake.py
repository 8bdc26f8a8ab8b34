"""A back-end over a service that answers when it likes: the protocol's second kind of adapter.

Each attempt has at most one call on its way, known by a number, so that an answer which comes
twice, or after a newer call, is told from the one that is awaited. Every call is one that may be
made again: a job's name is the attempt's, reports are asked for from a number on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from pytest_synebench.backends.inbox import Inbox
from pytest_synebench.backends.protocol import (
    AttemptEnded,
    AttemptKey,
    AttemptPlaced,
    AttemptSpec,
    Observation,
)
from pytest_synebench.channel import Message
from pytest_synebench.errors import BackendError

from .remote_service import RefusedError, Service

REST_S = 5.0  #: between two looks at a job
BACK_OFF_S = 2.0  #: after a refusal
MOST = 500  #: observations that one poll returns
_GONE_S = 3600.0  #: how long an end by force may take in all


@dataclass(slots=True)
class Remote:
    """One attempt, as far as is known here."""

    spec: AttemptSpec
    inbox: Inbox
    awaited: int = -1  #: number of the call whose answer counts
    created: bool = False
    doubtful: bool = False  #: a create may have taken effect
    placed: bool = False
    stop: bool = False  #: it is to end
    stopped: bool = False  #: the service knows
    cursor: int = 0  #: messages that have arrived
    status: tuple[str, str, bool] = field(default=("", "", False))
    drained: bool = False  #: all it sent before its end is here

    @property
    def name(self) -> str:
        return f"job-{self.spec.key.trial_id:06d}-{self.spec.key.number:03d}"

    @property
    def over(self) -> bool:
        return self.status[0] in {"Completed", "Failed", "Stopped"}


class RemoteBackend:
    """Runs attempts as jobs of a service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._remotes: dict[AttemptKey, Remote] = {}
        self._running: set[AttemptKey] = set()
        self._told: list[Observation] = []
        self._lost = ""  #: why nothing can go on
        self._calls = 0
        self._closed = False
        self._end_all()

    # -- the protocol ----------------------------------------------------------------------------

    def start(self, spec: AttemptSpec) -> None:
        if spec.key in self._remotes:
            return
        if self._closed:
            raise BackendError(f"{spec.key} cannot be started: this back-end is closed")
        if any(key.trial_id == spec.key.trial_id for key in self._running):
            raise BackendError(f"{spec.key} cannot be started: the one before has not ended")
        remote = self._remotes[spec.key] = Remote(spec, Inbox(spec.key))
        self._running.add(spec.key)
        self._service.later(0.0, lambda: self._go_on(remote))

    def stop(self, key: AttemptKey) -> None:
        if key in self._running:
            self._remotes[key].stop = True

    def poll(self, timeout_s: float) -> list[Observation]:
        clock = self._service.clock
        until_s = clock.now_s() + timeout_s
        self._service.happen()
        while not self._told and clock.now_s() < until_s and not self._lost:
            self._service.advance(until_s)
        if self._lost:
            raise BackendError(f"the service refuses: {self._lost}; renew the credentials")
        out, self._told = self._told[:MOST], self._told[MOST:]
        return out

    def close(self) -> None:
        self._closed = True
        self._running.clear()  # answers that still come change nothing
        self._told.clear()
        self._end_all()

    # -- one attempt, call by call ---------------------------------------------------------------

    def _go_on(self, remote: Remote) -> None:
        """Make the next call for an attempt: what it is follows from what is known."""
        name = remote.name
        if remote.spec.key not in self._running:
            return
        if remote.stop and not remote.created and not remote.doubtful:
            self._end(remote, "Stopped", "stopped before it ran")
        elif remote.stop and not remote.stopped and not remote.over:
            self._call(remote, lambda: self._service.stop(name), self._on_stop)
        elif not remote.created:
            self._call(remote, lambda: self._service.create(name, remote.spec), self._on_create)
        elif remote.over and remote.drained:
            self._end(remote, *remote.status[:2])
        elif remote.over or remote.placed:
            after = remote.cursor
            self._call(remote, lambda: self._service.reports(name, after), self._on_reports)
        else:
            self._look(remote)

    def _look(self, remote: Remote) -> None:
        self._call(remote, lambda: self._service.describe(remote.name), self._on_describe)

    def _on_create(self, remote: Remote, answer: object) -> None:
        # In use: an earlier call of ours took effect, its answer was lost.
        if answer is None or str(answer) == "ResourceInUse":
            remote.created = True
            self._go_on(remote)
        else:
            remote.doubtful = remote.doubtful or str(answer) == "timed out"
            self._rest(remote, BACK_OFF_S)

    def _on_stop(self, remote: Remote, answer: object) -> None:
        if str(answer) == "ResourceNotFound":  # no create is on its way, so none will be there
            remote.doubtful = False
            self._go_on(remote)
        elif answer is None or "it has ended" in str(answer):
            remote.stopped = remote.created = True
            self._go_on(remote)
        else:
            self._rest(remote, BACK_OFF_S)

    def _on_describe(self, remote: Remote, answer: object) -> None:
        if isinstance(answer, tuple) and not remote.over:
            remote.status = answer
            if remote.status[2] and not remote.placed:
                remote.placed = True
                self._told.append(AttemptPlaced(key=remote.spec.key))
        self._rest(remote, 0.0 if remote.over else REST_S)

    def _on_reports(self, remote: Remote, answer: object) -> None:
        if not isinstance(answer, list):
            self._rest(remote, BACK_OFF_S)
            return
        new: list[Message] = answer
        remote.cursor += len(new)
        self._told += remote.inbox.take(new)
        if remote.over:
            # Asked after the end was known: an empty page is the last.
            remote.drained = not new
            self._go_on(remote)
        elif new:
            self._go_on(remote)
        else:
            self._look(remote)

    def _end(self, remote: Remote, status: str, detail: str) -> None:
        self._running.discard(remote.spec.key)
        end = AttemptEnded(key=remote.spec.key, ok=status == "Completed", detail=detail)
        self._told.append(end)

    # -- calls -----------------------------------------------------------------------------------

    def _rest(self, remote: Remote, seconds: float) -> None:
        self._service.later(seconds, lambda: self._go_on(remote))

    def _call(
        self,
        remote: Remote,
        verb: Callable[[], object],
        then: Callable[[Remote, object], None],
    ) -> None:
        self._calls += 1
        number = remote.awaited = self._calls

        def answered(answer: object) -> None:
            if remote.awaited != number or remote.spec.key not in self._running:
                return
            remote.awaited = -1
            if isinstance(answer, RefusedError) and "Expired" in str(answer):
                self._lost = str(answer)
            else:
                then(remote, answer)

        self._service.call(verb, answered)

    def _end_all(self) -> None:
        """Have every job of the run end, and wait; also those of an earlier controller."""
        until_s = self._service.clock.now_s() + _GONE_S
        while left := [job.name for job in self._service.jobs.values() if not job.ended]:
            if self._service.clock.now_s() >= until_s:
                raise BackendError(f"jobs do not end: {', '.join(left)}")
            for name in left:
                self._service.call(partial(self._service.stop, name), _ignore)
            self._service.rest(REST_S)


def _ignore(answer: object) -> None:
    """Whether it worked is seen by looking again."""
