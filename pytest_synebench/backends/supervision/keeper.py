"""The controller's end of one supervisor: has processes made and signalled, hears of their ends.

What cannot be sent yet, because the supervisor still imports or does not read, is kept here;
whoever watches ``fileno`` and calls ``receive`` gets it going. Nothing waits but ``close``.

Invariants (tests/backends/supervision/test_keeper.py holds each one):
- the last thing a listener hears is one of declined, failed, ended and lost, once;
- when the supervisor dies, everything it made is gone before anybody is told that it is lost;
- what is withdrawn before the supervisor was sent it never runs, and has its end at once;
- a process that is forked from the controller does not keep the supervisor alive, nor harm it;
- a supervisor that can fork nothing is let go, with all that it has imported;
- Ctrl-C comes before a message is sent or taken in, or after it.
"""

from __future__ import annotations

# For each message: what `signal` makes enumerations of costs ten times as much.
import _signal  # type: ignore[import-not-found]  # it has no stub
import contextlib
import errno
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import uuid
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, Protocol

from pytest_synebench.backends.supervision import environment, leftovers, wire
from pytest_synebench.backends.supervision.interpreter import command
from pytest_synebench.backends.supervision.last_words import exit_words, last_lines

PROGRAM = "pytest_synebench.backends.supervisor.program"
_PATIENCE_S = 10.0  #: how long a process may take to be gone
_LAST_BYTES = 4096


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait: what is half sent or heard would be lost, its job never end.

    Blocking them would not do: the kernel gives a signal to any thread that does not block it
    (numpy has some), and Python then calls its handler in the main thread all the same.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers are called in the main thread alone
        return
    came: list[int] = []
    before: dict[int, Callable[[int, FrameType | None], Any]] = {}
    holding = True

    def hold(number: int, frame: FrameType | None) -> None:
        if holding:
            came.append(number)
        else:  # it came while handlers were put back, and this one may not be by now
            before[number](number, frame)

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = _signal.getsignal(number)
            if callable(handler):  # else it is ignored, or ends the process
                before[number] = handler
                _signal.signal(number, hold)
        yield
    finally:
        holding = False
        for put_back, handler in before.items():
            _signal.signal(put_back, handler)
        for one in came:
            signal.raise_signal(one)


class Listener(Protocol):
    """Is told what becomes of a job."""

    def begun(self, pid: int) -> None:
        """Hear that the process runs."""

    def declined(self, why: str) -> None:
        """Hear that this supervisor forks no process."""

    def failed(self, error: OSError) -> None:
        """Hear that there is no such process; ``filename`` is what was looked for."""

    def ended(self, code: int, swept: int) -> None:
        """Hear that the whole tree is gone; ``code`` and ``swept`` as in ``wire``."""

    def lost(self, text: str) -> None:
        """Hear that the supervisor died, and the whole tree is gone; ``text`` says how."""


class _Parcel(NamedTuple):
    message: Mapping[str, Any]
    descriptors: Sequence[int]


class Keeper:
    """One supervisor."""

    def __init__(self, modules: tuple[str, ...] = (), *, log_directory: Path | None = None):
        """Start a supervisor; returns before it is ready.

        Args:
            modules: what it imports before it forks; none: it makes ordinary processes.
            log_directory: where its stderr is kept while it runs, under no name.

        Raises:
            OSError: there is no room for another process, descriptor or file.
        """
        self.modules = modules
        self.why_cold = ""  #: why nothing can be forked from it, once that is known: one line
        self.dead = False  #: nothing more will be heard of it
        self._ready = not modules
        self._hung_up = self._closed = False
        self.name = uuid.uuid4().hex  #: in the environment of the supervisor and its copies
        self.code: int | None = None  #: with which it ended, 0 if well; None: not ended, or unknown
        self._jobs: dict[int, Listener] = {}
        self._made = 0
        self._outbox: deque[_Parcel] = deque()
        self._start(log_directory)
        _OPEN.add(self)

    def _start(self, log_directory: Path | None) -> None:
        with contextlib.ExitStack() as undo:
            words = undo.enter_context(tempfile.TemporaryFile(dir=log_directory))
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            undo.enter_context(ours)
            with theirs:
                self._child = self._spawn(theirs.fileno(), words.fileno())
            undo.callback(self._child.wait)
            undo.callback(self._child.kill)
            self._pidfd = os.pidfd_open(self._child.pid)
            ours.setblocking(False)  # noqa: FBT003 - socket takes no keyword here
            self._words, self._socket, self._line = words, ours, wire.Line(ours)
            undo.pop_all()

    def _spawn(self, line: int, words: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # a list of arguments, never a shell
            command(sys.executable, PROGRAM, "--line", str(line), *self.modules),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=words,
            pass_fds=(line,),
            env=environment.of_supervisor(os.environ, self.name),
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Number of the supervisor's process."""
        return self._child.pid

    @property
    def importing(self) -> bool:
        """Whether it has not said yet that it is ready, or that it is not to be forked."""
        return not self._ready and not self.dead

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when ``receive`` has something to do."""
        return self._line.fileno()

    # -- verbs -----------------------------------------------------------------------------------

    def launch(
        self, order: wire.Order, stdout: int, stderr: int, channel: int, listener: Listener
    ) -> int:
        """Have a process made; return the job's number. The descriptors are copied.

        Raises:
            OSError: the system has no descriptor left, or the supervisor is dead; nothing was
                asked for.
        """
        if self.dead:
            raise BrokenPipeError(errno.EPIPE, "the supervisor has ended")
        named = {**order.environment, environment.KEEPER: self.name}
        with contextlib.ExitStack() as undo:
            fds = [wire.write_order(replace(order, environment=named))]
            undo.callback(_close_all, fds)
            for fd in (stdout, stderr, channel):
                fds += [os.dup(fd)]  # the order may have to lie here for a while
            undo.pop_all()
        with undisturbed():
            self._made += 1
            job = self._made
            self._jobs[job] = listener
            self._send(_Parcel({"do": "launch", "job": job}, fds))
        return job

    def signal(self, job: int, number: int) -> None:
        """Signal a job's process: 9 for all of its tree, else for its group. Ended: nothing."""
        with undisturbed():
            if job in self._jobs and not self._withdraw(job, number):
                self._send(_Parcel({"do": "signal", "job": job, "number": int(number)}, ()))

    def receive(self) -> None:
        """Take in all that has come, tell the listeners, and send what could not be sent."""
        while not self.dead:
            try:
                with undisturbed():
                    told = self._line.receive()
                    if told is not None:
                        _close_all(told[1])
                        self._take(told[0])
            except BlockingIOError:
                break
            if told is None:
                self._broken_off()
        with undisturbed():
            self._flush()

    def close(self, patience_s: float = _PATIENCE_S) -> None:
        """Let the supervisor end, with all that it made; by force when it takes too long.

        May be repeated.

        Args:
            patience_s: how long it may take by itself, in seconds.

        Raises:
            BackendError: something of it does not end even so; the text names its number.
        """
        if self._closed:
            return
        self._closed = True
        self._hang_up()
        try:
            if self._child.returncode is None:
                # While it imports it does not look at its line, and it has made nothing yet.
                self._bury(patience_s if self._ready else 0.0)
        finally:
            self._let_go()

    # -- sending ---------------------------------------------------------------------------------

    def _send(self, parcel: _Parcel) -> None:
        self._outbox.append(parcel)
        self._flush()

    def _flush(self) -> None:
        """Send what can be sent. An answer comes to much of it, so that nothing lies for ever."""
        while self._ready and self._outbox:
            try:
                self._line.send(*self._outbox[0])
            except OSError:  # no room now; or nobody there, which ``receive`` will find out
                return
            _close_all(self._outbox.popleft().descriptors)

    def _withdraw(self, job: int, number: int) -> bool:
        for parcel in self._outbox:
            if parcel.message["job"] == job and parcel.message["do"] == "launch":
                self._outbox.remove(parcel)
                _close_all(parcel.descriptors)
                self._done(job).ended(-number, 0)
                return True
        return False

    # -- what it says ----------------------------------------------------------------------------

    def _take(self, told: Mapping[str, Any]) -> None:
        match told["is"]:
            case "warm":
                self._ready = True
            case "cold":
                self._cold(told["why"])
            case "begun":
                self._jobs[told["job"]].begun(told["pid"])
            case "declined":
                self._done(told["job"]).declined(told["why"])
            case "failed":
                number, file = told["errno"], told["file"]
                error = OSError(number, os.strerror(number), file or None)
                self._done(told["job"]).failed(error)
            case "ended":
                self._done(told["job"]).ended(told["code"], told["swept"])
            case other:
                raise ValueError(f"a supervisor says nothing of the kind {other!r}")

    def _done(self, job: int) -> Listener:
        return self._jobs.pop(job)

    def _cold(self, why: str) -> None:
        self._ready = True
        if self.modules:
            self.why_cold = " ".join(why.split())
            self._hang_up()
            self._decline_all()

    def _decline_all(self) -> None:
        """Tell everybody; to a supervisor that is not ready nothing was sent."""
        self._drop_outbox()
        for job in list(self._jobs):
            self._done(job).declined(self.why_cold)

    # -- its end ---------------------------------------------------------------------------------

    def _hang_up(self) -> None:
        self._hung_up = True
        # Not only close: a process that was forked from here in C may hold the socket, too.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _broken_off(self) -> None:
        if self._hung_up:  # nobody waits for anything; ``close`` sees to the rest
            self.dead = True
        else:
            self._bury(_PATIENCE_S)

    def _bury(self, patience_s: float) -> None:
        """See to it that nothing is left of it, then tell whoever still waits."""
        if not self._gone_within(patience_s):
            self._child.kill()
        self.code = code = self._reap()
        self.dead = True
        self._drop_outbox()
        how = f"the supervisor of this machine's trials has ended: {exit_words(code)}"
        text = "\n".join(filter(None, (how, self._last_lines())))
        try:
            if code != 0:  # it does not end well before all it made is gone
                self._end_leftovers()
        finally:
            if not self._ready:
                self.why_cold = " ".join(f"its imports end the process: {text}".split())
                self._decline_all()
            for job in list(self._jobs):
                self._done(job).lost(text)

    def _end_leftovers(self) -> None:
        leftovers.end_leftovers(f"{environment.KEEPER}={self.name}", _PATIENCE_S)

    def _gone_within(self, patience_s: float) -> bool:
        waiter = select.poll()
        waiter.register(self._pidfd, select.POLLIN)
        return bool(waiter.poll(patience_s * 1000))

    def _reap(self) -> int | None:
        """Return the exit code, or minus a signal's number, or None: somebody else took it."""
        code = None
        with contextlib.suppress(ChildProcessError):
            status = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED)
            if status is not None:
                exited = status.si_code == os.CLD_EXITED
                code = status.si_status if exited else -status.si_status
        self._child.returncode = 0 if code is None else code  # or Popen would wait again
        return code

    def _last_lines(self) -> str:
        size = os.fstat(self._words.fileno()).st_size
        return last_lines(os.pread(self._words.fileno(), _LAST_BYTES, max(0, size - _LAST_BYTES)))

    def _drop_outbox(self) -> None:
        while self._outbox:
            _close_all(self._outbox.popleft().descriptors)

    def _let_go(self) -> None:
        _OPEN.discard(self)
        self._drop_outbox()
        self._line.close()
        self._words.close()
        os.close(self._pidfd)

    def forget(self) -> None:
        """Let go of it in a process forked from the one whose supervisor it is."""
        self._closed = self.dead = True
        self._child.returncode = 0  # it is no child of this process
        self._jobs.clear()
        self._let_go()


_OPEN: weakref.WeakSet[Keeper] = weakref.WeakSet()


def _forget_all() -> None:
    for keeper in list(_OPEN):
        keeper.forget()


os.register_at_fork(after_in_child=_forget_all)


def _close_all(descriptors: Sequence[int]) -> None:
    for fd in descriptors:
        os.close(fd)
