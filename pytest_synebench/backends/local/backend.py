"""Runs attempts as processes of this machine.

Everything is told by descriptors (pipes, the supervisors' sockets), so one ``select`` waits for
all of it: no thread, no sleep, no asking again. An attempt has a session and a report pipe of its
own; its output is copied to capped files.

Invariants (tests/backends/local/test_local.py, and the suite of testing/backend_suite.py):
- ``poll`` wakes on a report, an end, or a moment that was set, and on nothing else;
- what an earlier controller of the same run left running is ended before anything is started;
- what goes wrong while an attempt is being started leaves no process and no descriptor behind;
- an attempt that waits for a place is no process: it runs in its turn, or is stopped at once;
- an attempt is placed once its order is given: what its process takes to be made is its own time;
- when a supervisor dies the run breaks off, and no trial that ran fails by it;
- the folder in which attempts run is chosen once;
- an attempt whose supervisor makes no process is made elsewhere, and an end comes of it;
- after ``close`` no process of the run lives, even if a supervisor is stopped;
- a process that was forked from the controller's changes nothing.
"""

from __future__ import annotations

import errno
import os
import selectors
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from pytest_synebench.backends.local import briefing, refusals
from pytest_synebench.backends.local.admission import Admission
from pytest_synebench.backends.local.attempt import LocalAttempt, Pipes
from pytest_synebench.backends.local.logs import CappedLog
from pytest_synebench.backends.local.starting import Launch, Place, Starting, found
from pytest_synebench.backends.local.tagged import Printed
from pytest_synebench.backends.local.throttle import Throttle
from pytest_synebench.backends.protocol import (
    AttemptEnded,
    AttemptKey,
    AttemptPlaced,
    AttemptSpec,
    Observation,
)
from pytest_synebench.backends.supervision.keeper import Keeper, undisturbed
from pytest_synebench.backends.supervision.leftovers import await_supervisors, end_leftovers
from pytest_synebench.backends.supervision.nursery import Nursery
from pytest_synebench.backends.supervision.wire import Order
from pytest_synebench.channel import new_nonce
from pytest_synebench.clock import Clock, SystemClock
from pytest_synebench.errors import BackendError, TrialError

_LONGEST_WAIT_S = 3600.0  #: of one select; the system call takes no infinity
_PATIENCE_S = 10.0  #: how long a process sent SIGKILL may take to be gone
_CLOSING_S = 3.0  #: how long supervisors may take to end attempts, before they are ended
_MOST_MOVES = 2  #: of an attempt to another supervisor, because one died
_BURST_S = 1.0  #: for how long reports may come at any rate


class LocalBackend:
    """The back-end of this machine."""

    def __init__(
        self,
        script: Path,
        *,
        run_token: str,
        nursery: Nursery | None = None,
        launch: Launch = "warm",
        preload: Sequence[str] = (),
        interpreter: str | None = None,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        log_cap_bytes: int = 50 * 2**20,
        report_rate: float | None = None,
        grace_s: float = 10.0,
        clock: Clock | None = None,
        admission: Admission | None = None,
        remark: Callable[[str], None] = lambda _: None,
        printed: Printed | None = None,
    ) -> None:
        """End what an earlier controller of the run left, and be ready.

        Args:
            script: what each attempt runs.
            run_token: names the run, for ever and everywhere: its directory.
            nursery: the supervisors; None: one of its own, closed with it.
            launch: "warm": processes are forked from one that has imported what the script
                imports; "cold": each starts from nothing.
            preload: modules that a warm process imports besides.
            interpreter: path or command of what runs the script, always cold; None: this one.
            environment: variables added to the user's own (see ``briefing.thread_variables``).
            directory: in which the script runs; None: the current one, whatever becomes that.
            log_cap_bytes: of each of a trial's two log files.
            report_rate: reports per second that are taken from one attempt; None: as they come.
            grace_s: between the polite request to end and the end by force, in seconds.
            clock: for the grace and the rate.
            admission: how many attempts run at once, with which GPUs; None: all, as they see fit.
            remark: takes a line for each reason why attempts run cold though "warm" was asked.
            printed: what is made of what scripts print; None: logs and nothing else.

        Raises:
            UsageError: this system cannot tell by a descriptor that a process has ended, or there
                is no such interpreter or module to preload.
            BackendError: a process of an earlier controller does not end, or there is no
                current folder.
        """
        refusals.check_platform()
        self.clock = clock or SystemClock()
        self._script = script
        self._directory = directory or refusals.current_folder()
        self._token = run_token
        self._user = {**os.environ, **(environment or {})}
        self._cap = log_cap_bytes
        self._rate = report_rate
        self.grace_s = grace_s
        self.printed = printed or Printed()
        self._nursery = nursery or Nursery()
        self._is_ours = nursery is None
        self._starting = Starting(
            script,
            self._nursery,
            launch=launch,
            preload=preload,
            interpreter=None if interpreter is None else found(interpreter, self._user),
            remark=remark,
        )
        self._admission = admission or Admission()
        self._known: set[AttemptKey] = set()
        self._placed: set[AttemptKey] = set()
        self._running: dict[AttemptKey, LocalAttempt] = {}
        self._keepers: dict[Keeper, int] = {}  #: that are watched, with their descriptors
        self._told: list[Observation] = []
        self._refusals: list[BackendError] = []
        self._closed = False
        self._process = os.getpid()
        await_supervisors(_PATIENCE_S)
        end_leftovers(f"{briefing.RUN}={run_token}", _PATIENCE_S)
        self.selector: selectors.BaseSelector = selectors.DefaultSelector()

    def start(self, spec: AttemptSpec) -> None:
        """Have the attempt run; returns at once. A key that is known already changes nothing.

        Raises:
            BackendError: no process can be made here; the text says why and what to do.
        """
        if spec.key in self._known:
            return
        self._check_may_start(spec.key)
        self._known.add(spec.key)
        self._admission.enter(spec)
        self._start_admitted()

    def stop(self, key: AttemptKey) -> None:
        """Have the attempt end: politely, after the grace by force. Unknown or ended: nothing."""
        attempt = self._running.get(key)
        if self._admission.waits(key):
            self._admission.leave(key)
            self._told.append(AttemptEnded(key=key, ok=False, detail="told to stop: it never ran"))
        elif attempt is not None:
            attempt.stop(self.clock.now_s() + self.grace_s)

    def poll(self, timeout_s: float) -> list[Observation]:
        """Return what happened since the last call, per key in order; waits for one to happen.

        Args:
            timeout_s: how long to wait at most, in seconds; 0 does not wait.

        Raises:
            BackendError: a process could not be made, for a reason that others would meet as
                well. Or a supervisor has died, and with it trials that ran: the run can be
                continued. Or the system has no descriptor left to look at processes with.
                What is known already is returned before.
        """
        if not (self._over or self._refusals):
            until_s = self.clock.now_s() + timeout_s
            with refusals.refusing("trials cannot be watched"):
                while self._turn(until_s) and not (self._told or self._refusals):
                    pass
        if self._refusals and not self._told:
            raise self._refusals.pop(0)
        out, self._told = self._told, []
        return out

    def close(self) -> None:
        """End every attempt by force and let everything go. May be repeated.

        Raises:
            BackendError: a process does not end; the text names the attempt.
                Or the system has no descriptor left to look at processes with: close again.
        """
        if self._process != os.getpid() or (self._closed and not self._running):
            return
        self._closed = True
        self._admission.drop()
        with refusals.refusing("trials cannot be ended"):
            for attempt in list(self._running.values()):
                attempt.force()
            until_s = self.clock.now_s() + _CLOSING_S
            while self._running and self._turn(until_s):
                pass
            left = list(self._running)
            error = self._end_supervisors()
        left = left if error else list(self._running)
        self._let_go()
        if left:
            raise refusals.still_there(left, error)

    @property
    def _over(self) -> bool:
        return self._closed or self._process != os.getpid()

    # -- the parts of starting -------------------------------------------------------------------

    def _check_may_start(self, key: AttemptKey) -> None:
        if self._over:
            raise BackendError(f"{refusals.words(key)} cannot be started: this back-end is closed")
        for other in (*self._running, *self._admission.waiting()):
            if other.trial_id == key.trial_id:
                raise BackendError(
                    f"{refusals.words(key)} cannot be started: attempt {other.number} of the "
                    "trial has not ended; two would write the same files. Wait for its AttemptEnded"
                )

    def _start_admitted(self) -> None:
        self._look_away()
        with undisturbed():  # or a process would run that nobody knows
            for spec in iter(self._admission.admit, None):
                self._start(spec)

    def _start(self, spec: AttemptSpec) -> None:
        try:
            arguments = briefing.arguments(spec)
            with ExitStack() as undo:
                self._running[spec.key] = self._launch(spec, arguments, undo)
                undo.pop_all()
        except TrialError as error:
            self._admission.leave(spec.key)
            self._told.append(AttemptEnded(key=spec.key, ok=False, detail=str(error)))
        except (OSError, BackendError) as error:
            self._admission.leave(spec.key)
            self._known.discard(spec.key)
            if isinstance(error, BackendError):
                raise
            raise refusals.not_started(spec.key, error) from error

    def _launch(
        self, spec: AttemptSpec, arguments: tuple[str, ...], undo: ExitStack
    ) -> LocalAttempt:
        refusals.check_folder(self._directory, spec.key)
        nonce = new_nonce()
        file = briefing.write_files(spec, self._script, nonce)
        order = Order(
            script=str(self._script),
            arguments=arguments,
            environment=briefing.environment(
                {**self._user, **self._admission.environment(spec.key)}, file, self._token
            ),
            directory=str(self._directory),
            interpreter=None,
        )
        pipes = self._pipes(spec, undo)
        throttle = None if self._rate is None else Throttle(self._rate, int(self._rate * _BURST_S))
        attempt = LocalAttempt(
            spec.key,
            order,
            pipes,
            nonce=nonce,
            owner=self,
            throttle=throttle,
            tagged=self.printed.reader(spec),
        )
        undo.pop_all()
        undo.callback(attempt.release)
        attempt.watch()
        self._place(attempt, self._starting.warm_or_cold())
        return attempt

    def _pipes(self, spec: AttemptSpec, undo: ExitStack) -> Pipes:
        ends = [_pipe(undo) for _ in range(3)]
        (channel, stdout, stderr), theirs = zip(*ends, strict=True)
        return Pipes(
            channel=channel,
            stdout=stdout,
            stderr=stderr,
            theirs=theirs,
            stdout_log=self._log(spec, "stdout.log", undo),
            stderr_log=self._log(spec, "stderr.log", undo),
        )

    def _log(self, spec: AttemptSpec, name: str, undo: ExitStack) -> CappedLog:
        log = CappedLog(spec.directory / name, self._cap)
        undo.callback(log.close)
        return log

    def _place(self, attempt: LocalAttempt, place: Place) -> None:
        keeper = place.keeper
        if keeper not in self._keepers:
            self.selector.register(keeper, selectors.EVENT_READ, lambda: self._hear(keeper))
            self._keepers[keeper] = keeper.fileno()
        attempt.launch(keeper, place.interpreter)
        if attempt.key not in self._placed:  # else it was to be made elsewhere
            self._placed.add(attempt.key)
            self._told.append(AttemptPlaced(key=attempt.key))

    def send_elsewhere(self, attempt: LocalAttempt, why: str) -> None:
        """Have an ordinary process made for an attempt whose supervisor made none."""
        try:
            if attempt.moves > _MOST_MOVES:
                raise OSError(None, why)
            if attempt.warm:
                self._starting.say(why)
            self._place(attempt, self._starting.cold())
        except OSError as error:
            self.give_up(attempt, error)

    def give_up(self, attempt: LocalAttempt, error: OSError) -> None:
        """Say that it is this attempt's own fault, or that nothing can be started."""
        attempt.release()
        del self._running[attempt.key]
        self._admission.leave(attempt.key)
        if error.errno == errno.E2BIG:
            size = sum(len(os.fsencode(argument)) for argument in attempt.order.arguments)
            detail = f"its arguments, {size} bytes, are more than this system takes; shorten them"
            self._told.append(AttemptEnded(key=attempt.key, ok=False, detail=detail))
        else:
            self._known.discard(attempt.key)
            self._refusals.append(refusals.not_started(attempt.key, error))

    def break_off(self, attempt: LocalAttempt, text: str) -> None:
        """Say, once for all attempts of a supervisor that died, that the run cannot go on."""
        attempt.release()
        del self._running[attempt.key]
        self._admission.leave(attempt.key)
        error = refusals.broken_off(text)
        if str(error) not in map(str, self._refusals):
            self._refusals.append(error)

    # -- the parts of waiting --------------------------------------------------------------------

    def tell(self, observation: Observation) -> None:
        """Keep an observation for the next ``poll``."""
        self._told.append(observation)
        if isinstance(observation, AttemptEnded):
            del self._running[observation.key]
            self._admission.leave(observation.key)

    def _hear(self, keeper: Keeper) -> None:
        keeper.receive()
        self._look_away()

    def _look_away(self) -> None:
        """Watch no dead supervisor: its descriptor stays readable, or is closed and another's."""
        for keeper in [keeper for keeper in self._keepers if keeper.dead]:
            self.selector.unregister(self._keepers.pop(keeper))

    def _turn(self, until_s: float) -> bool:
        """Wait for something, once, and take it in; return whether there is time for more."""
        now_s = self.clock.now_s()
        self._start_admitted()
        for attempt in list(self._running.values()):
            attempt.wake(now_s)
        deadlines = [at_s for attempt in self._running.values() for at_s in attempt.deadlines()]
        left_s = 0.0 if self._told or self._refusals else min([until_s, *deadlines]) - now_s
        wait_s = min(max(left_s, 0.0), _LONGEST_WAIT_S)
        ready = self.selector.select(wait_s)
        watched = self.selector.get_map()
        for key, _ in ready:
            # An earlier handler of this turn may have let go of it.
            if watched.get(key.fd) is key:
                key.data()
        return self.clock.now_s() < until_s

    def _end_supervisors(self) -> BackendError | None:
        """End by force those that have not ended an attempt; return what is left even so."""
        stuck = {attempt.keeper: None for attempt in self._running.values()}
        failed = None
        for keeper in filter(None, stuck):
            try:
                keeper.close(patience_s=0.0)
            except BackendError as error:
                failed = error
        return failed

    def _let_go(self) -> None:
        for attempt in self._running.values():
            attempt.release()
        self._running.clear()
        self._told.clear()
        self._refusals.clear()
        self._keepers.clear()
        self.selector.close()
        if self._is_ours:
            self._nursery.close()


def _pipe(undo: ExitStack) -> tuple[int, int]:
    """Return the end to read and the end to write."""
    ends = os.pipe()
    for fd in ends:
        undo.callback(os.close, fd)
    return ends
