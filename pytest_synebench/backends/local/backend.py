"""Runs attempts as processes of this machine.

Everything is told by descriptors (pipes, process ends), so one ``select`` waits for all of it: no
thread, no sleep, no asking again. An attempt gets a session and a report pipe of its own; its
output is copied to capped files.

Invariants (tests/backends/local/test_local.py, and the suite of testing/backend_suite.py):
- ``poll`` wakes on a report, an end, or the moment at which politeness ends, and on nothing else;
- what an earlier controller of the same run left running is ended before anything is started;
- what goes wrong while an attempt is being started leaves no process and no descriptor behind;
- after ``close`` no process of the run lives, unless it shed both its parent and its environment.
"""

from __future__ import annotations

import errno
import os
import selectors
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

from pytest_synebench.backends.local import briefing
from pytest_synebench.backends.local.attempt import LocalAttempt, Pipes
from pytest_synebench.backends.local.logs import CappedLog
from pytest_synebench.backends.protocol import (
    AttemptEnded,
    AttemptKey,
    AttemptPlaced,
    AttemptSpec,
    Observation,
)
from pytest_synebench.backends.supervision.leftovers import (
    Launcher,
    Order,
    OrdinaryLauncher,
    abandon,
    end_leftovers,
)
from pytest_synebench.channel import new_nonce
from pytest_synebench.clock import Clock, SystemClock
from pytest_synebench.errors import BackendError, TrialError, UsageError

DESCRIPTORS = 6  #: that an attempt holds here while it runs
_LONGEST_WAIT_S = 3600.0  #: of one select; the system call takes no infinity
_CLOSE_PATIENCE_S = 10.0  #: how long a process sent SIGKILL may take to be gone
_WAYS_OUT = {
    errno.EMFILE: f"each running attempt takes {DESCRIPTORS}: raise `ulimit -n`, or run fewer "
    "workers",
    errno.ENFILE: "the whole machine has no more: end other programs, or run fewer workers",
    errno.ENOSPC: "free some space, then continue the run with --synebench-resume",
    errno.EDQUOT: "free some space, then continue the run with --synebench-resume",
    errno.ENOENT: "name one that is there",
    errno.EACCES: "name one that this user may use",
    errno.ENOEXEC: "name a program: is it an interpreter?",
    errno.EAGAIN: "the user may have no more processes: raise `ulimit -u`, or run fewer workers",
    errno.ENOMEM: "run fewer workers",
}


class LocalBackend:
    """The back-end of this machine."""

    def __init__(
        self,
        script: Path,
        *,
        run_token: str,
        launcher: Launcher | None = None,
        environment: Mapping[str, str] | None = None,
        log_cap_bytes: int = 50 * 2**20,
        grace_s: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        """End what an earlier controller of the run left, and be ready.

        Args:
            script: what each attempt runs.
            run_token: names the run, for ever and everywhere: its directory.
            launcher: makes the processes; None: ordinary ones of this interpreter.
            environment: variables added to the user's own (see ``briefing.thread_variables``).
            log_cap_bytes: of each of a trial's two log files.
            grace_s: between the polite request to end and the end by force, in seconds.
            clock: for the grace.

        Raises:
            UsageError: this system cannot tell by a descriptor that a process has ended.
            BackendError: a process of an earlier controller does not end.
        """
        _check_platform()
        self._script = script
        self._token = run_token
        self._launcher = launcher or OrdinaryLauncher()
        self._user = {**os.environ, **(environment or {})}
        self._cap = log_cap_bytes
        self._grace_s = grace_s
        self._clock = clock or SystemClock()
        self._known: set[AttemptKey] = set()
        self._running: dict[AttemptKey, LocalAttempt] = {}
        self._told: list[Observation] = []
        self._closed = False
        end_leftovers(f"{briefing.RUN}={run_token}", _CLOSE_PATIENCE_S)
        self._selector = selectors.DefaultSelector()

    def start(self, spec: AttemptSpec) -> None:
        """Have the attempt run; returns at once. A key that is known already changes nothing.

        The kernel ends an attempt with the thread that started it: call this from the main one.

        Raises:
            BackendError: no process can be made here; the text says why and what to do.
        """
        if spec.key in self._known:
            return
        self._check_may_start(spec.key)
        try:
            arguments = briefing.arguments(spec)
            with ExitStack() as undo:
                attempt = self._launch(spec, arguments, undo)
                undo.pop_all()
        except TrialError as error:
            self._told.append(AttemptEnded(key=spec.key, ok=False, detail=str(error)))
        except OSError as error:
            self._cannot_start(spec.key, arguments, error)
        else:
            self._running[spec.key] = attempt
            self._told.append(AttemptPlaced(key=spec.key))
        self._known.add(spec.key)

    def stop(self, key: AttemptKey) -> None:
        """Have the attempt end: politely, after the grace by force. Unknown or ended: nothing."""
        attempt = self._running.get(key)
        if attempt is not None:
            attempt.stop(self._clock.now_s() + self._grace_s)

    def poll(self, timeout_s: float) -> list[Observation]:
        """Return what happened since the last call, per key in order; waits for one to happen.

        Args:
            timeout_s: how long to wait at most, in seconds; 0 does not wait.

        Raises:
            BackendError: the system has no descriptor left to look at processes with.
        """
        if not self._closed:
            until_s = self._clock.now_s() + timeout_s
            with _refusing("trials cannot be watched"):
                while self._turn(until_s) and not self._told:
                    pass
        out, self._told = self._told, []
        return out

    def close(self) -> None:
        """End every attempt by force and let everything go. May be repeated.

        Raises:
            BackendError: a process does not end; the text names the attempt.
                Or the system has no descriptor left to look at processes with: close again.
        """
        if self._closed and not self._running:
            return
        self._closed = True
        with _refusing("trials cannot be ended"):
            for attempt in list(self._running.values()):
                attempt.force()
            until_s = self._clock.now_s() + _CLOSE_PATIENCE_S
            while self._running and self._turn(until_s):
                pass
        self._let_go()

    # -- the parts of starting -------------------------------------------------------------------

    def _check_may_start(self, key: AttemptKey) -> None:
        if self._closed:
            raise BackendError(f"{_words(key)} cannot be started: this back-end is closed")
        for other in self._running:
            if other.trial_id == key.trial_id:
                raise BackendError(
                    f"{_words(key)} cannot be started: attempt {other.number} of the trial has "
                    "not ended; two would write the same files. Wait for its AttemptEnded"
                )

    def _launch(
        self, spec: AttemptSpec, arguments: tuple[str, ...], undo: ExitStack
    ) -> LocalAttempt:
        with ExitStack() as theirs:  # the ends that belong to the process alone
            (channel, to_channel), (stdout, to_stdout), (stderr, to_stderr) = (
                _pipe(undo, theirs) for _ in range(3)
            )
            nonce = new_nonce()
            file = briefing.write_files(spec, self._script, to_channel, nonce)
            pipes = Pipes(
                channel=channel,
                stdout=stdout,
                stderr=stderr,
                stdout_log=self._log(spec, "stdout.log", undo),
                stderr_log=self._log(spec, "stderr.log", undo),
            )
            process = self._launcher.launch(
                Order(
                    script=self._script,
                    arguments=arguments,
                    environment=briefing.environment(self._user, spec, file, self._token),
                    stdout=to_stdout,
                    stderr=to_stderr,
                    channel=to_channel,
                )
            )
        undo.callback(abandon, process)
        attempt = LocalAttempt(
            spec.key,
            process,
            pipes,
            nonce=nonce,
            tag=f"{briefing.ATTEMPT}={file}",
            selector=self._selector,
            tell=self._told_by,
        )
        undo.callback(attempt.unwatch)
        attempt.begin()
        return attempt

    def _log(self, spec: AttemptSpec, name: str, undo: ExitStack) -> CappedLog:
        log = CappedLog(spec.directory / name, self._cap)
        undo.callback(log.close)
        return log

    def _cannot_start(self, key: AttemptKey, arguments: tuple[str, ...], error: OSError) -> None:
        """Say that it is this attempt's own fault, or that nothing can be started."""
        if error.errno == errno.E2BIG:
            size = sum(len(os.fsencode(argument)) for argument in arguments)
            detail = f"its arguments, {size} bytes, are more than this system takes; shorten them"
            self._told.append(AttemptEnded(key=key, ok=False, detail=detail))
        else:
            _refuse(f"{_words(key)} cannot be started", error)

    # -- the parts of waiting --------------------------------------------------------------------

    def _told_by(self, observation: Observation) -> None:
        self._told.append(observation)
        if isinstance(observation, AttemptEnded):
            del self._running[observation.key]

    def _turn(self, until_s: float) -> bool:
        """Wait for something, once, and take it in; return whether there is time for more."""
        now_s = self._clock.now_s()
        for attempt in list(self._running.values()):
            if attempt.force_at_s is not None and attempt.force_at_s <= now_s:
                attempt.force()
        deadlines = [a.force_at_s for a in self._running.values() if a.force_at_s is not None]
        left_s = 0.0 if self._told else min([until_s, *deadlines]) - now_s
        wait_s = min(max(left_s, 0.0), _LONGEST_WAIT_S)
        ready = self._selector.select(wait_s)
        watched = self._selector.get_map()
        for key, _ in ready:
            # An earlier handler of this turn may have let go of it.
            if watched.get(key.fd) is key:
                key.data()
        return self._clock.now_s() < until_s

    def _let_go(self) -> None:
        left = list(self._running)
        for attempt in self._running.values():
            attempt.release()
        self._running.clear()
        self._told.clear()
        self._selector.close()
        if left:
            raise BackendError(
                f"{', '.join(map(_words, left))}: processes were sent SIGKILL and are still there "
                f"after {_CLOSE_PATIENCE_S:g} s; find out what holds them (a dead file system?)"
            )


def _check_platform() -> None:
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as error:
        raise UsageError(
            f"the local back-end runs on Linux 5.3 or newer, this is {sys.platform} ({error}): "
            "only there a descriptor (pidfd) tells that a process has ended. Run in a container "
            "or virtual machine with such a Linux"
        ) from None


def _pipe(undo: ExitStack, theirs: ExitStack) -> tuple[int, int]:
    """Return (ours, theirs): the end to read and the end to write."""
    ours, other = os.pipe()
    undo.callback(os.close, ours)
    theirs.callback(os.close, other)
    return ours, other


@contextmanager
def _refusing(failed: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _refuse(failed, error)


def _refuse(failed: str, error: OSError) -> NoReturn:
    what = error.strerror or type(error).__name__
    where = f": {os.fsdecode(error.filename)}" if error.filename else ""
    way_out = _WAYS_OUT.get(error.errno or 0, "see to it, then continue with --synebench-resume")
    raise BackendError(f"{failed}: {what}{where}; {way_out}") from error


def _words(key: AttemptKey) -> str:
    return f"trial {key.trial_id} (attempt {key.number})"
