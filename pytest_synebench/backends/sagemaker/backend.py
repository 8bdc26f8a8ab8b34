"""Runs attempts as jobs of a platform that answers when it likes.

Calls are made in a few threads, at most one for each attempt; ``poll`` waits for their answers. The
states of all jobs, and what they wrote, come by one look after another, the more seldom the less
there is to see.

Invariants (tests/backends/sagemaker/test_backend.py, and the suite of testing/backend_suite.py):
- what an earlier controller of the run left running is ended before anything is started;
- a platform that takes no job now is asked again, and nothing fails by it;
- a level that a job says is kept is noted before it is told;
- after ``close`` no job that it started lives, or the error names those that may; those of a
  controller that has taken the run over go on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event
from typing import Protocol

from pytest_synebench.backends.inbox import Inbox
from pytest_synebench.backends.protocol import (
    AttemptEnded,
    AttemptKey,
    AttemptSpec,
    Observation,
)
from pytest_synebench.backends.sagemaker.mail import Mail
from pytest_synebench.backends.sagemaker.pacing import Pace
from pytest_synebench.backends.sagemaker.platform import (
    BusyError,
    JobState,
    Phase,
    Platform,
    RefusedJobError,
)
from pytest_synebench.backends.sagemaker.remote import Remote
from pytest_synebench.backends.sagemaker.spending.bill import Bill
from pytest_synebench.channel import Message
from pytest_synebench.clock import Clock, SystemClock
from pytest_synebench.errors import BackendError, StoreError

MOST = 1000  #: observations that one poll returns
_THREADS = 8
_SEARCHES = 3  #: for a job that may be there, before it is taken not to be
_LONGEST_WAIT_S = 60.0


class Desk(Protocol):
    """Writes what a job is told, and what it says is kept."""

    def orders(self, spec: AttemptSpec) -> str:
        """Write an attempt's orders; return their URL. May be repeated.

        Raises:
            StoreError: the bucket cannot be used.
            TrialError: no job can be told that.
        """
        ...

    def note(self, key: AttemptKey, level: int, sha256: str) -> None:
        """Write down, durably, that a checkpoint is kept. May be repeated."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How often the platform is asked, and how long it may take, in seconds."""

    shortest_s: float = 1.0  #: between two looks, while there is news
    longest_s: float = 15.0  #: between two looks, while there is none
    busy_s: float = 5.0  #: until a platform that was busy is asked again, the first time
    busiest_s: float = 120.0  #: likewise, at most
    gone_s: float = 300.0  #: how long jobs that were asked to end may take


_Answer = Callable[[], None]


class SageMakerBackend:
    """The back-end of a platform's jobs."""

    def __init__(
        self,
        platform: Platform,
        mail: Mail,
        desk: Desk,
        *,
        timing: Timing | None = None,
        clock: Clock | None = None,
        remark: Callable[[str], None] | None = None,
        bill: Bill | None = None,
    ) -> None:
        """End what an earlier controller of the run left, and be ready.

        Args:
            platform: runs the jobs.
            mail: reads what they write.
            desk: writes what they are told.
            timing: how often they are asked.
            clock: for waits.
            remark: takes a line on what a user should know.
            bill: what the jobs cost, for whoever wants to know.

        Raises:
            BackendError: the platform cannot be used, or a job does not end.
        """
        self.clock, self.bill = clock or SystemClock(), bill
        self._platform, self._mail, self._desk = platform, mail, desk
        self._timing = timing or Timing()
        self._remark = remark or _ignore
        self._remarked: set[str] = set()
        self._remotes: dict[AttemptKey, Remote] = {}
        self._running: dict[AttemptKey, Remote] = {}
        self._paces: dict[AttemptKey, Pace] = {}
        self._pace = Pace(self._timing.shortest_s, self._timing.longest_s)
        self._look_s = self.clock.now_s()  #: when to look next
        self._looking = False
        self._answers: SimpleQueue[_Answer] = SimpleQueue()
        self._told: list[Observation] = []
        self._failure: BackendError | None = None
        self._closed = False
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="synebench-sagemaker")
        self._end_all()
        try:
            self._mail.remove_all()
        except StoreError as error:
            raise BackendError(f"the jobs' store cannot be used: {error}") from error

    # -- the protocol ----------------------------------------------------------------------------

    def start(self, spec: AttemptSpec) -> None:
        """Have the attempt run; returns at once. A key that is known already changes nothing.

        Raises:
            BackendError: this back-end is closed, or the attempt before has not ended.
        """
        if spec.key in self._remotes:
            return
        if self._closed:
            raise BackendError(f"{spec.key} cannot be started: this back-end is closed")
        if any(key.trial_id == spec.key.trial_id for key in self._running):
            raise BackendError(f"{spec.key} cannot be started: the one before has not ended")
        remote = Remote(spec, Inbox(spec.key), due_s=self.clock.now_s())
        self._remotes[spec.key] = self._running[spec.key] = remote
        self._mail.expect(spec.key)

    def stop(self, key: AttemptKey) -> None:
        """Have the attempt end: politely, after the platform's grace by force."""
        if (remote := self._running.get(key)) is not None and not remote.stop:
            remote.stop, remote.due_s = True, self.clock.now_s()

    def poll(self, timeout_s: float) -> list[Observation]:
        """Return what happened since the last call, per key in order; waits for one to happen.

        Raises:
            BackendError: the platform or the store cannot be used.
        """
        until_s = self.clock.now_s() + timeout_s
        while not self._closed:
            self._begin_due()
            self._take_answers(until_s)
            if self._told or self._failure or self.clock.now_s() >= until_s:
                break
        if self._failure is not None and not self._told:
            raise self._failure
        out, self._told = self._told[:MOST], self._told[MOST:]
        return out

    def close(self) -> None:
        """End every attempt by force and let everything go. May be repeated.

        Raises:
            BackendError: a job may still run; the text names it.
        """
        if self._closed:
            return
        self._closed = True
        self._running.clear()
        self._told.clear()
        self._threads.shutdown(wait=True, cancel_futures=True)
        own = frozenset(key for key, remote in self._remotes.items() if remote.asked)
        try:
            if own:
                self._end_all(own)
        finally:
            self._mail.close()

    # -- calls -----------------------------------------------------------------------------------

    def _begin_due(self) -> None:
        now_s = self.clock.now_s()
        for remote in list(self._running.values()):
            if remote.due_s > now_s:
                continue
            match remote.wants():
                case "create":
                    remote.asked = True
                    self._call(remote, partial(self._create, remote.spec), self._on_create)
                case "stop":
                    self._call(remote, partial(self._stop, remote.spec.key), self._on_stop)
                case "end":
                    self._end(remote)
                case "nothing":
                    continue
        if self._running and not self._looking and self._look_s <= now_s:
            self._looking = True
            self._threads.submit(self._look, tuple(self._running.values()))

    def _create(self, spec: AttemptSpec) -> None:
        self._platform.create(spec, self._desk.orders(spec))

    def _stop(self, key: AttemptKey) -> bool:
        return self._platform.stop(key)

    def _call(
        self, remote: Remote, verb: Callable[[], object], then: Callable[[Remote, object], None]
    ) -> None:
        remote.calling = True

        def work() -> None:
            try:
                answer: object = verb()
            except Exception as error:
                answer = error
            self._answers.put(partial(self._answered, remote, answer, then))

        self._threads.submit(work)

    def _answered(
        self, remote: Remote, answer: object, then: Callable[[Remote, object], None]
    ) -> None:
        remote.calling = False
        if remote.spec.key not in self._running:
            return
        if isinstance(answer, BusyError):
            pace = self._paces.setdefault(
                remote.spec.key, Pace(self._timing.busy_s, self._timing.busiest_s)
            )
            remote.due_s = self.clock.now_s() + pace.wait_s
            pace.told(news=False)
            self._say_once(str(answer))
        elif isinstance(answer, Exception) and not isinstance(answer, RefusedJobError):
            self._fail(answer)
        else:
            self._paces.pop(remote.spec.key, None)
            then(remote, answer)

    def _on_create(self, remote: Remote, answer: object) -> None:
        if isinstance(answer, RefusedJobError):
            remote.over = JobState(phase=Phase.ENDED, detail=str(answer))
            self._end(remote)
            return
        remote.created = True
        self._look_soon()

    def _on_stop(self, remote: Remote, answer: object) -> None:
        if answer or remote.created:
            remote.stopped = True
            self._look_soon()
        elif remote.searched < _SEARCHES:
            # A create may have taken effect, and not be seen yet.
            remote.searched += 1
            remote.due_s = self.clock.now_s() + self._timing.busy_s
        else:
            self._end(remote)  # none is on its way; the next controller would end it

    # -- looking ---------------------------------------------------------------------------------

    def _look(self, remotes: tuple[Remote, ...]) -> None:
        """Ask for the states first: what had ended by then writes no more."""
        try:
            made = [remote.spec.key for remote in remotes if remote.created]
            states = self._platform.states(made) if made else {}
            ended = [key for key, state in states.items() if state.phase is Phase.ENDED]
            over = [remote.spec.key for remote in remotes if remote.over is not None]
            messages = self._mail.look({*ended, *over})
        except Exception as error:
            self._answers.put(partial(self._on_no_look, error))
        else:
            self._answers.put(partial(self._on_look, states, messages))

    def _on_no_look(self, error: Exception) -> None:
        self._looking = False
        if isinstance(error, BusyError):
            self._look_s = self.clock.now_s() + self._timing.busy_s
        else:
            self._fail(error)

    def _on_look(
        self,
        states: Mapping[AttemptKey, JobState],
        messages: Mapping[AttemptKey, list[Message]],
    ) -> None:
        self._looking = False
        before = len(self._told)
        for key, remote in list(self._running.items()):
            if key in states:
                self._told += remote.seen(states[key])
            if key in messages:
                self._told += self._hear(remote, messages[key])
            if remote.over is not None and self._mail.drained(key):
                self._end(remote)
        news = len(self._told) > before
        self._look_s = self.clock.now_s() + self._pace.told(news=news)

    def _hear(self, remote: Remote, messages: list[Message]) -> list[Observation]:
        heard = remote.heard(messages)
        for level, sha256 in remote.hashes:
            self._desk.note(remote.spec.key, level, sha256)
        remote.hashes.clear()
        return heard

    def _look_soon(self) -> None:
        soon_s = self.clock.now_s() + self._pace.told(news=True)
        self._look_s = min(self._look_s, soon_s)

    # -- answers and ends ------------------------------------------------------------------------

    def _take_answers(self, until_s: float) -> None:
        """Wait until an answer comes or something is due, and take all answers there are."""
        due_s = [r.due_s for r in self._running.values() if r.wants() != "nothing"]
        if self._running and not self._looking:
            due_s.append(self._look_s)
        wait_s = min([until_s, *due_s]) - self.clock.now_s()
        with contextlib.suppress(Empty):
            if not self._told and wait_s > 0:
                self._answers.get(timeout=min(wait_s, _LONGEST_WAIT_S))()
            while True:
                self._answers.get_nowait()()

    def _end(self, remote: Remote) -> None:
        key = remote.spec.key
        self._mail.forget(key)
        del self._running[key]
        end: AttemptEnded = remote.ended()
        self._told.append(end)

    def _say_once(self, line: str) -> None:
        if line not in self._remarked:
            self._remarked.add(line)
            self._remark(line)

    def _fail(self, error: Exception) -> None:
        if isinstance(error, BackendError):
            self._failure = error
        else:
            text = f"the jobs' store cannot be used: {error}"
            self._failure = BackendError(text if isinstance(error, StoreError) else repr(error))

    # -- ending all ------------------------------------------------------------------------------

    def _end_all(self, only: frozenset[AttemptKey] | None = None) -> None:
        """Have jobs of the run end, and wait.

        Args:
            only: of these attempts; None: every one, whoever started it.

        Raises:
            BackendError: one may still run after all the time that it was given.
        """
        until_s = self.clock.now_s() + self._timing.gone_s
        pace = Pace(min(self._timing.shortest_s, 1.0), self._timing.longest_s)
        asked: set[AttemptKey] = set()
        while True:
            try:
                left = [key for key in self._platform.unfinished() if only is None or key in only]
                for key in left:
                    if key not in asked:
                        self._platform.stop(key)
                        asked.add(key)
            except BusyError as error:
                left, busy = [], str(error)
            else:
                busy = ""
            if not left and not busy:
                return
            if self.clock.now_s() >= until_s:
                names = ", ".join(f"trial {key.trial_id} attempt {key.number}" for key in left)
                raise BackendError(
                    f"jobs may still run ({names or busy}); they cost money until they end. List "
                    "and stop them with --synebench-reap"
                )
            Event().wait(pace.told(news=False))


def _ignore(line: str) -> None:
    """Take a remark and say nothing."""
