"""The process of an external searcher: started, asked, and ended with all that it started.

Lines go to its stdin; its stdout is looked through for answers; what it prints, and its stderr, go
to a log. Nothing is read but while an answer is waited for: a process that writes on and on in
between waits, too. There is no thread.

Invariants (tests/experiment/external/test_process.py holds each one):
- whatever the process does, an answer or an error comes by the deadline;
- one that died is told by how it ended, and by its last lines;
- after ``close`` nothing lives of what it started, in a session of its own or not;
- it ends with the process that started it, however that ends.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_synebench.backends.local.logs import CappedLog, Tail
from pytest_synebench.backends.supervision import leftovers
from pytest_synebench.backends.supervision.interpreter import command
from pytest_synebench.backends.supervision.last_words import exit_words
from pytest_synebench.clock import Clock, SystemClock
from pytest_synebench.errors import SearcherError
from pytest_synebench.experiment.external.lines import Answers

TAG = "SYNEBENCH_SEARCHER"  #: in the environment of the process: whose searcher it is
_TIED = "pytest_synebench.experiment.external.tied"
_READ_BYTES = 64 * 1024
_CLOSING_S = 3.0  #: that it has once its stdin is closed
_KILLED_S = 10.0  #: how long a process sent SIGKILL may take to be gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What is started, and where."""

    line: Sequence[str]  #: the program and its arguments
    owner: str  #: names the run, for ever and everywhere
    directory: Path | None = None  #: in which it runs; None: the current one
    log: Path | None = None  #: where its prints and its stderr are kept; None: nowhere
    log_cap_bytes: int = 50 * 2**20
    clock: Clock = field(default_factory=SystemClock)


class Process:
    """A process that answers.

    Raises:
        SearcherError: it cannot be started.
        BackendError: one that an earlier run of the same owner left does not end.
    """

    def __init__(self, given: Command) -> None:
        self._given = given
        leftovers.end_leftovers(self._tag, _KILLED_S)
        self._tail = Tail()
        self._answers = Answers(self._print)
        self._outbox = bytearray()
        self._closed = self._broken = False
        with contextlib.ExitStack() as undo:
            try:
                self._log = CappedLog(given.log, given.log_cap_bytes) if given.log else None
                if self._log:
                    undo.callback(self._log.close)
                self._child = self._spawn()
                undo.callback(self._child.wait)
                undo.callback(self._child.kill)
                self._pidfd = os.pidfd_open(self._child.pid)
            except OSError as error:
                raise SearcherError(f"it cannot be started: {error}") from error
            undo.pop_all()
        self._pipes = [p for p in (self._child.stdin, self._child.stdout, self._child.stderr) if p]
        self._stdin, self._stdout, self._stderr = (pipe.fileno() for pipe in self._pipes)
        self._open = {self._stdin, self._stdout, self._stderr}
        for fd in self._open:
            os.set_blocking(fd, False)

    def _spawn(self) -> subprocess.Popen[bytes]:
        given = self._given
        return subprocess.Popen(  # a list of arguments, never a shell
            command(sys.executable, _TIED, str(os.getpid()), *given.line),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=given.directory,
            # A program in Python that forgets to flush is understood all the same.
            env={**os.environ, "PYTHONUNBUFFERED": "1", TAG: given.owner},
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._child.pid

    def ask(self, lines: Iterable[bytes], patience_s: float) -> bytes:
        """Send lines, and return the next line of stdout that looks like an answer.

        Args:
            lines: the last of them asks.
            patience_s: how long all of it may take, in seconds.

        Raises:
            SearcherError: no such line came in time, or the process has ended.
        """
        self._broken = True  # until it has answered: what is half said cannot be gone on with
        clock = self._given.clock
        until_s = clock.now_s() + patience_s
        for line in lines:
            self._outbox += line
        while (answer := self._answers.next()) is None:
            left_s = until_s - clock.now_s()
            if left_s <= 0:
                raise SearcherError(
                    f"it has not answered within {patience_s:g} s, which is searcher_timeout "
                    f"(--searcher_timeout raises it){self._last_lines()}"
                )
            if self._has_ended(left_s):
                raise SearcherError(self._obituary())
        self._broken = False
        return answer

    def close(self, lines: Iterable[bytes] = ()) -> None:
        """Send what is left to say, close its stdin, and end whatever does not end then.

        May be repeated.

        Raises:
            BackendError: something of it does not end; the text names its number.
        """
        if self._closed:
            return
        self._closed = True
        try:
            if not self._broken:
                self._say_goodbye(lines)
        finally:
            self._child.kill()
            self._child.wait()
            self._let_go()
            leftovers.end_leftovers(self._tag, _KILLED_S)

    def _say_goodbye(self, lines: Iterable[bytes]) -> None:
        clock = self._given.clock
        until_s = clock.now_s() + _CLOSING_S
        self._outbox += b"".join(lines)
        # It may write what it likes, but nothing is asked any more.
        with contextlib.suppress(SearcherError):
            while (left_s := until_s - clock.now_s()) > 0:
                if not self._outbox:
                    self._shut_stdin()
                if self._has_ended(left_s):
                    break

    # -- its pipes -------------------------------------------------------------------------------

    @property
    def _tag(self) -> str:
        return f"{TAG}={self._given.owner}"

    def _has_ended(self, at_most_s: float) -> bool:
        """Wait until it has something to say or takes something in; whether it is over."""
        waiter = select.poll()
        waiter.register(self._pidfd, select.POLLIN)
        for fd in self._open - {self._stdin}:
            waiter.register(fd, select.POLLIN)
        if self._outbox and self._stdin in self._open:
            waiter.register(self._stdin, select.POLLOUT)
        ready = [fd for fd, _ in waiter.poll(at_most_s * 1000)]
        if self._stdin in ready:
            self._write()
        heard = False
        for fd in (self._stdout, self._stderr):
            heard |= fd in ready and self._read(fd)
        # What it said before its end counts, so that is read first.
        return self._pidfd in ready and not heard

    def _write(self) -> None:
        try:
            sent = os.write(self._stdin, self._outbox[:_READ_BYTES])
            del self._outbox[:sent]
        except BlockingIOError:
            pass
        except OSError:  # nobody reads any more: it has ended, or will be found silent
            self._outbox.clear()
            self._shut_stdin()

    def _read(self, fd: int) -> bool:
        """Take a bounded part of a pipe; whether there was any."""
        try:
            data = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._open.discard(fd)  # it would stay readable
        elif fd == self._stdout:
            self._answers.feed(data)
        else:
            self._print(data)
        return bool(data)

    def _print(self, data: bytes) -> None:
        self._tail.write(data)
        if self._log:
            self._log.write(data)

    def _shut_stdin(self) -> None:
        self._open.discard(self._stdin)
        self._pipes[0].close()

    def _let_go(self) -> None:
        for pipe in self._pipes:
            pipe.close()
        os.close(self._pidfd)
        if self._log:
            self._log.close()

    # -- words -----------------------------------------------------------------------------------

    def _obituary(self) -> str:
        code = self._child.wait()
        return f"it has ended without an answer: {exit_words(code)}{self._last_lines()}"

    def _last_lines(self) -> str:
        text = self._tail.text()
        return f"; its last lines:\n{text}" if text else ""
