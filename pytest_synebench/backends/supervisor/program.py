"""The supervisor: makes the processes of attempts, ends all they leave, and ends with its line.

Its arguments are ``--line FD [MODULE ...]``: with modules it
imports these and forks attempts from itself, else it executes interpreters. One thread, one loop,
nothing in it waits; messages are in ``wire.py``.

Invariants (tests/backends/supervisor/test_program.py holds each one):
- whatever an attempt started, in a session of its own or not, is gone when its end is told;
- when the line's other end is gone, so is every process, and then this one; when this one is
  killed, so is every leader; while it imports it ends with the process that started it;
- SIGINT, SIGTERM and SIGHUP change nothing, and no attempt inherits that;
- every job is answered once, and its end is told after that, with its exact exit code.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import socket
import sys
from collections import deque
from dataclasses import replace

from pytest_synebench.backends.supervision.wire import CHANNEL, Line, Order, read_order
from pytest_synebench.backends.supervisor import tying
from pytest_synebench.backends.supervisor.forking import HANDLED, execute, refusal
from pytest_synebench.backends.supervisor.sweeping import Family
from pytest_synebench.training.attempt import PARENT
from pytest_synebench.training.bootstrap import compile_ahead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from pytest_synebench.backends.supervisor.sweeping import Leader
    from pytest_synebench.backends.supervisor.tying import Handler
    from pytest_synebench.backends.supervisor.warm.spare import Spare

VARIABLE = "SYNEBENCH_SUPERVISOR"  #: "<controller's process id>-<its start in clock ticks>"
_WITH_LAUNCH = 4  #: descriptors that come with an order
_WHY_CHARACTERS = 4000  #: of a reason; far below what a packet holds


class Bell:
    """A pipe into which the interpreter writes when a signal comes."""

    def __init__(self) -> None:
        self._reads, self._writes = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.hang()

    def hang(self) -> None:
        """Have signals ring, those of HANDLED among them, and do nothing else."""
        signal.set_wakeup_fd(self._writes, warn_on_full_buffer=False)
        for number in HANDLED:
            signal.signal(number, ring)

    def fileno(self) -> int:
        """Return the descriptor that becomes readable."""
        return self._reads

    def rang(self) -> bool:
        """Whether a signal came since this was asked last."""
        try:
            return bool(os.read(self._reads, 65536))
        except BlockingIOError:
            return False

    def close(self) -> None:
        """Take it down."""
        os.close(self._reads)
        os.close(self._writes)


def ring(number: int, frame: object) -> None:
    """Handle a signal: that it came is already in the pipe."""


class Supervisor:
    """The loop. Its line, bell and pipes stand in a selector, each with what is to be called."""

    def __init__(
        self, line: Line, bell: Bell, *, cold: str, handlers: Mapping[int, Handler]
    ) -> None:
        """Take over line and bell.

        Args:
            line: does not wait.
            bell: hangs.
            cold: why this process forks no attempts; "": it does.
            handlers: of signals, as a forked attempt has them.
        """
        self._line = line
        self._bell = bell
        self._cold = cold
        self._handlers = handlers
        self._family = Family(bell.rang)
        self._leaders: dict[int, Leader] = {}  # by job
        self._births: dict[int, tuple[int, Leader]] = {}  # by job: those that may yet be refused
        self._spare: Spare | None = None
        self._spare_due = not cold  # whether to make one as soon as nothing else is to be done
        self._unsent: deque[dict[str, Any]] = deque()
        self._connected = True
        self._selector = selectors.DefaultSelector()
        self._selector.register(line, selectors.EVENT_READ, self._hear)
        self._selector.register(bell, selectors.EVENT_READ, self._sweep)

    def serve(self) -> None:
        """Do what is asked until the line's other end is gone and every child with it."""
        while self._connected or not self._family.empty:
            ready = self._selector.select(0 if self._spare_due else self._family.patience_s)
            for key, _ in ready:
                key.data()
            if self._family.patience_s == 0:
                self._sweep()
            elif self._spare_due and not ready:
                self._provide()

    def say(self, **message: Any) -> None:
        """Send a message as soon as the line takes it."""
        self._unsent.append(message)
        if len(self._unsent) == 1:
            self._flush()

    def _hear(self) -> None:
        if self._unsent:
            self._flush()
        try:
            heard = self._line.receive()
        except BlockingIOError:
            return
        if heard is None:
            self._hang_up()
            return
        message, descriptors = heard
        if message["do"] == "launch":
            self._launch(message["job"], descriptors)
        elif message["job"] in self._leaders:
            self._leaders[message["job"]].signal(message["number"])

    def _flush(self) -> None:
        try:
            while self._unsent and self._connected:
                self._line.send(self._unsent[0])
                self._unsent.popleft()
        except BlockingIOError:
            pass
        except OSError:
            self._hang_up()
        if self._connected:
            also = selectors.EVENT_WRITE if self._unsent else 0
            self._selector.modify(self._line, selectors.EVENT_READ | also, self._hear)

    def _hang_up(self) -> None:
        if self._connected:
            self._connected = self._spare_due = False
            self._selector.unregister(self._line)
            self._family.end_all()
            self._sweep()

    def _launch(self, job: int, descriptors: list[int]) -> None:
        order = None
        try:
            if len(descriptors) < _WITH_LAUNCH:  # the kernel passes on no more than fit
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            order = read_order(os.dup(descriptors[0]))
            if order.interpreter is None:
                self._fork(job, order, descriptors)
            else:
                environment = {**order.environment, PARENT: str(os.getpid())}
                self._execute(job, replace(order, environment=environment), descriptors[1:])
        except OSError as error:
            file = "" if order is None else order.interpreter or order.script
            self.say(**{"is": "failed", "job": job, "errno": error.errno, "file": file})
        finally:
            for fd in descriptors:
                os.close(fd)

    def _execute(self, job: int, order: Order, streams: Sequence[int]) -> None:
        pid, pipe = execute(order, streams)
        leader = self._leaders[job] = self._family.add(pid)
        self._births[job] = pipe, leader
        self._selector.register(pipe, selectors.EVENT_READ, lambda: self._born(job))

    def _born(self, job: int) -> None:
        if job not in self._births:
            return
        pipe, leader = self._births.pop(job)
        self._selector.unregister(pipe)
        refused = refusal(pipe)
        if refused is None:
            self.say(**{"is": "begun", "job": job, "pid": leader.pid})
        else:
            del self._leaders[job]
            self.say(**{"is": "failed", "job": job, "errno": refused[0], "file": refused[1]})

    def _fork(self, job: int, order: Order, descriptors: Sequence[int]) -> None:
        why = self._cold or _why_not(order)
        if why:
            self.say(**{"is": "declined", "job": job, "why": why[:_WHY_CHARACTERS]})
            return
        leader = self._leaders[job] = self._hand_over(*descriptors)
        self.say(**{"is": "begun", "job": job, "pid": leader.pid})
        self._spare_due = self._spare is None
        compile_ahead(order.script)  # the next order is likely to have the same

    def _hand_over(self, order: int, *streams: int) -> Leader:
        """Have a copy run an order: the spare, or one made now if that is gone."""
        spare, self._spare = self._spare, None
        if spare is not None:
            with contextlib.suppress(OSError), contextlib.closing(spare):
                spare.hand_over(order, streams)
                return spare.leader
        with contextlib.closing(self._copy((order, *streams))) as spare:
            spare.hand_over(order, streams)
            return spare.leader

    def _provide(self) -> None:
        """Make a spare; where there can be none, the next order is told why."""
        self._spare_due = False
        with contextlib.suppress(OSError):
            if not _why_not():
                self._spare = self._copy()

    def _copy(self, held: Sequence[int] = ()) -> Spare:
        """Return a copy that waits; ``held`` are descriptors of this process's alone."""
        from pytest_synebench.backends.supervisor.warm import spare

        supervisor = os.getpid()
        pid, line = spare.make(lambda: self._tie(supervisor, held))
        return spare.Spare(self._family.add(pid), line)

    def _tie(self, supervisor: int, held: Sequence[int]) -> None:
        """Make a copy of this process an attempt's, which has nothing of this object's."""
        tying.tie(supervisor, self._handlers)
        # Closed as objects: their numbers will be other files' when these are collected.
        self._line.close()
        self._bell.close()
        self._selector.close()
        for fd in (*held, *(pipe for pipe, _ in self._births.values())):
            os.close(fd)

    def _sweep(self) -> None:
        ended = {leader.pid: leader for leader in self._family.sweep()}
        if self._spare and ended.get(self._spare.leader.pid) is self._spare.leader:
            self._spare.close()
            self._spare = None
        for job, leader in [*self._leaders.items()]:
            if ended.get(leader.pid) is leader:
                self._born(job)
                if self._leaders.pop(job, None):
                    self.say(
                        **{"is": "ended", "job": job, "code": leader.code, "swept": leader.swept}
                    )


def _why_not(order: Order | None = None) -> str:
    from pytest_synebench.backends.supervisor.warm.warmth import why_not

    return why_not() if order is None else why_not(order.environment, order.script)


def warm_up(modules: Sequence[str], bell: Bell) -> tuple[str, dict[int, Handler]]:
    """Import modules in this process, so that it can be forked.

    Returns:
        Why it must not be forked ("": it may), and the signal handlers of a forked process: a
        fresh interpreter's, or what the modules set.
    """
    handlers: dict[int, Handler] = dict.fromkeys(HANDLED, signal.SIG_DFL)
    handlers[signal.SIGINT] = signal.default_int_handler
    if not modules:
        return "it has imported nothing", handlers
    why = _imported(modules)
    for number in HANDLED:
        now = signal.getsignal(number)
        if now is not ring:
            handlers[number] = now
    bell.hang()
    return why, handlers


def _imported(modules: Sequence[str]) -> str:
    from pytest_synebench.backends.supervisor.warm import child, spare, warmth

    del spare  # imported for the copies to come
    child.prepare()
    sys.argv[:] = [""]
    try:
        return warmth.warm_up(modules)
    except BaseException as error:
        return f"importing {', '.join(modules)} raised {type(error).__name__}: {error}"


def _line(fd: int) -> Line:
    end = socket.socket(fileno=fd)
    end.settimeout(0)
    os.set_inheritable(fd, False)  # noqa: FBT003 - os takes no keyword here
    return Line(end)


def _occupy(number: int) -> None:
    fd = os.open(os.devnull, os.O_RDWR)
    if fd != number:  # it is taken already
        os.close(fd)


def main() -> None:
    """Supervise until the line's other end is gone."""
    arguments = sys.argv[1:]
    controller = os.environ.get(VARIABLE, "").partition("-")[0]
    tying.die_with(int(controller) if controller else os.getppid())
    tying.adopt_orphans()
    tying.heed_signals()
    _occupy(CHANNEL)
    bell = Bell()
    at = arguments.index("--line")
    line = _line(int(arguments[at + 1]))
    modules = arguments[:at] + arguments[at + 2 :]
    why, handlers = warm_up(modules, bell)
    tying.outlive_parent()
    supervisor = Supervisor(line, bell, cold=why, handlers=handlers)
    if modules and why:
        supervisor.say(**{"is": "cold", "why": why[:_WHY_CHARACTERS]})
    else:
        supervisor.say(**{"is": "warm"})
    supervisor.serve()


if __name__ == "__main__":
    main()
