"""One attempt on this machine: its job at a supervisor, its pipes, and its way to the end.

The way: the leader ends (by itself, by a polite signal, or by force), its supervisor ends what it
left behind and says so, and only then is the rest of the pipes read and the end told.

Invariants (tests/backends/local/test_attempt.py, tests/backends/local/test_local.py):
- every report that was in the pipe comes before the end, and the end comes once;
- one read takes a bounded part of a pipe, so a flood neither fills the memory nor starves others;
- reports that come faster than the rate are left in the pipe, but for those left at the end;
- what its stdout reports comes like what its channel reports (test_tagged_scripts.py);
- the end is told after the whole tree is verified gone, whoever holds the pipes;
- what was let go of hears nothing more, and closes no descriptor twice (test_attempt_alone.py).
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from pytest_synebench.backends.inbox import Inbox
from pytest_synebench.backends.local.logs import CappedLog, Tail
from pytest_synebench.backends.local.tagged import TAG, Printed, TaggedReports
from pytest_synebench.backends.local.throttle import Throttle
from pytest_synebench.backends.protocol import (
    AttemptEnded,
    AttemptKey,
    Observation,
)
from pytest_synebench.backends.supervision.keeper import Keeper
from pytest_synebench.backends.supervision.last_words import exit_words
from pytest_synebench.backends.supervision.wire import Order
from pytest_synebench.channel import Message, Receiver
from pytest_synebench.clock import Clock

READ_BYTES = 64 * 1024  #: at most so much of a pipe at a time; a pipe of Linux holds as much
_LAST_READS = 64  #: of what is left in a pipe at the end; no pipe holds more without privilege


@dataclass(slots=True)
class Pipes:
    """An attempt's pipes, and where their bytes go."""

    channel: int
    stdout: int
    stderr: int
    theirs: tuple[int, ...]  #: ends of the same that the process gets; () once it has them
    stdout_log: CappedLog
    stderr_log: CappedLog


class Owner(Protocol):
    """The back-end, as its attempts see it."""

    clock: Clock
    grace_s: float  #: between the polite request to end and the end by force
    printed: Printed
    selector: selectors.BaseSelector  #: calls a descriptor's handler, its ``data``

    def tell(self, observation: Observation) -> None:
        """Take an observation."""

    def send_elsewhere(self, attempt: LocalAttempt, why: str) -> None:
        """Have another supervisor make the process; this one made none."""

    def give_up(self, attempt: LocalAttempt, error: OSError) -> None:
        """Take note that there is no process."""

    def break_off(self, attempt: LocalAttempt, text: str) -> None:
        """Take note that the process ended with its supervisor, by no fault of its own."""


class LocalAttempt:
    """A process tree, and what came out of it. Listens to its supervisor's keeper."""

    def __init__(
        self,
        key: AttemptKey,
        order: Order,
        pipes: Pipes,
        *,
        nonce: str,
        owner: Owner,
        throttle: Throttle | None = None,
        tagged: TaggedReports | None = None,
    ) -> None:
        """Take over pipes.

        Args:
            key: whose attempt it is.
            order: what its process is made from, the interpreter apart.
            pipes: closed here at the end.
            nonce: of its messages.
            owner: takes the observations, in order.
            throttle: how fast reports are taken in; None: as they come.
            tagged: finds reports in what the script prints; None: there are none.
        """
        self.key = key
        self.order = order
        self.force_at_s: float | None = None  #: when politeness ends; None: not asked to stop
        self.warm = False  #: its process is, or was to be, a forked one
        self.moves = 0  #: how often a supervisor that should make the process did not
        self.keeper: Keeper | None = None  #: of the supervisor that was given the order
        self._read_at_s: float | None = None  #: when ``_unread`` are read again; None: they are
        self._unread: set[int] = set()
        self._stopping = self._forced = self._runs = self._released = False
        self._at_its_level = False  #: stopped because it has reported what it had to
        self._unheard = False  #: it printed reports that nobody reads
        self._tagged = tagged
        self._pipes = pipes
        self._owner = owner
        self._throttle = throttle
        self._receiver = Receiver(nonce)
        self._inbox = Inbox(key)
        self._tail = Tail()
        self._job = 0
        self._sources: dict[int, Callable[[bytes], None]] = {
            pipes.channel: self._messages,
            pipes.stdout: self._output,
            pipes.stderr: self._errors,
        }

    def watch(self) -> None:
        """Listen from now on.

        Raises:
            OSError: the system has no room for another descriptor to listen to.
        """
        for fd in self._sources:
            os.set_blocking(fd, False)
            self._watch(fd)

    def launch(self, keeper: Keeper, interpreter: str | None) -> None:
        """Have a supervisor make the process.

        Args:
            keeper: of the supervisor.
            interpreter: what runs the script; None: the process is forked.

        Raises:
            OSError: the system has no descriptor left.
        """
        self.warm = interpreter is None
        order = replace(self.order, interpreter=interpreter)
        channel, stdout, stderr = self._pipes.theirs
        self._job = keeper.launch(order, stdout, stderr, channel, self)
        self.keeper = keeper

    # -- what comes out --------------------------------------------------------------------------

    def _readable(self, fd: int) -> None:
        if not self._runs and self.keeper is not None:
            self.keeper.receive()  # that it runs was said before it wrote, and is told before
        if self._runs and fd in self._sources:  # it may have ended, too
            self._read(fd)

    def _read(self, fd: int) -> bool:
        """Take a bounded part of a pipe; return whether there may be more."""
        try:
            data = os.read(fd, READ_BYTES)
        except BlockingIOError:
            return False
        if data:
            self._sources[fd](data)
        else:  # nobody holds the other end; it would stay readable
            self._unwatch(fd)
        return bool(data)

    def _messages(self, data: bytes) -> None:
        messages = self._receiver.feed(data)
        if self._tagged is not None:
            self._tagged.hear(messages)
        self._take(messages, self._pipes.channel)

    def _output(self, data: bytes) -> None:
        self._pipes.stdout_log.write(data)
        if self._tagged is not None:
            self._take(self._tagged.feed(data), self._pipes.stdout)
        else:
            self._unheard = self._unheard or TAG in data

    def _take(self, messages: list[Message], fd: int) -> None:
        for observation in self._inbox.take(messages):
            self._owner.tell(observation)
        if self._throttle is not None and messages:
            now_s = self._owner.clock.now_s()
            wait_s = self._throttle.take(len(messages), now_s)
            if wait_s > 0:
                self._read_at_s = now_s + wait_s
                self._unread.add(fd)
                self._unwatch(fd)
        if self._tagged is not None and self._tagged.over and not self._stopping:
            self._at_its_level = True
            self.stop(self._owner.clock.now_s() + self._owner.grace_s)

    def _errors(self, data: bytes) -> None:
        self._tail.write(data)
        self._pipes.stderr_log.write(data)

    # -- time ------------------------------------------------------------------------------------

    def deadlines(self) -> list[float]:
        """Return when ``wake`` has something to do, on the owner's clock."""
        return [at_s for at_s in (self.force_at_s, self._read_at_s) if at_s is not None]

    def wake(self, now_s: float) -> None:
        """Do what is due."""
        if self._read_at_s is not None and self._read_at_s <= now_s:
            self._read_at_s = None
            for fd in self._unread & set(self._sources):
                self._watch(fd)
            self._unread.clear()
        if self.force_at_s is not None and self.force_at_s <= now_s:
            self.force()

    # -- the way to the end ----------------------------------------------------------------------

    def stop(self, force_at_s: float) -> None:
        """Ask the tree to end, once; ``force_at_s`` is when it must."""
        if not self._stopping:
            self._stopping, self.force_at_s = True, force_at_s
            self._signal(signal.SIGTERM)

    def force(self) -> None:
        """End whatever lives of the tree; its end follows."""
        self.force_at_s = None
        if not self._forced:
            self._stopping = self._forced = True
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.keeper is not None:
            self.keeper.signal(self._job, number)

    def begun(self, pid: int) -> None:
        """Hear that the process runs."""
        del pid  # only its supervisor may signal it
        if not self._released:
            self._runs = True
            self._close_theirs()

    def declined(self, why: str) -> None:
        """Hear that this supervisor makes no process."""
        self.keeper = None
        if self._stopping:
            self.finish("it never ran")
        elif not self._released:
            self.moves += 1
            self._owner.send_elsewhere(self, why)

    def failed(self, error: OSError) -> None:
        """Hear that no process can be made from the order."""
        if not self._released:
            self._owner.give_up(self, error)

    def ended(self, code: int, swept: int) -> None:
        """Hear that the whole tree is gone."""
        how = exit_words(code)
        if code == -signal.SIGKILL and not self._stopping:
            how += ": killed from outside (out of memory?)"
        if swept and not self._stopping:
            how += f"; left {swept} process{'es' if swept > 1 else ''} behind"
        self.finish(how, ok=code == 0)

    def lost(self, text: str) -> None:
        """Hear that the supervisor died, and the whole tree is gone."""
        if not self._runs:
            self.declined(text)
        elif self._stopping:
            self.finish(text)
        elif not self._released:
            self._read_rest()
            self._owner.break_off(self, text)

    def finish(self, how: str, *, ok: bool = False) -> None:
        """Read what is left, and tell the end; unless it was released."""
        if self._released:
            return
        self._read_rest()
        self.release()
        ok = ok or self._at_its_level
        self._note_output()
        self._owner.tell(AttemptEnded(key=self.key, ok=ok, detail=self._detail(how, ok=ok)))

    def _read_rest(self) -> None:
        for fd in list(self._sources):
            for _ in range(_LAST_READS):
                if not self._read(fd):
                    break
        if self._tagged is not None:
            self._take(self._tagged.finish(), self._pipes.stdout)

    def release(self) -> None:
        """Let every descriptor go, and hear nothing more. May be repeated."""
        if self._released:
            return
        self._released = True
        for fd in self._sources:
            self._unwatch(fd)
            os.close(fd)
        self._sources.clear()
        self._read_at_s = self.force_at_s = None
        self._close_theirs()
        self._pipes.stdout_log.close()
        self._pipes.stderr_log.close()

    def _close_theirs(self) -> None:
        for fd in self._pipes.theirs:
            os.close(fd)
        self._pipes.theirs = ()

    # -- words -----------------------------------------------------------------------------------

    def _note_output(self) -> None:
        """Tell people what became of reports that the script printed."""
        if self._tagged is not None and self._tagged.trouble:
            self._owner.printed.bad_line(self.key.trial_id, self._tagged.trouble)
        if self._unheard and not self._inbox.reports:
            self._owner.printed.unheard(self.key.trial_id)

    def _detail(self, how: str, *, ok: bool) -> str:
        if self._stopping:
            how = f"{'ended by force' if self._forced else 'told to stop'}: {how}"
        parts = [how]
        rejected = self._receiver.rejected + self._inbox.rejected
        if rejected:
            parts.append(f"lines on its report channel that were no messages: {rejected}")
        logs = (self._pipes.stdout_log, self._pipes.stderr_log)
        parts += [f"log lines were lost: {log.trouble}" for log in logs if log.trouble]
        tail = "" if ok or self._stopping else self._tail.text()
        if "unrecognized arguments" in tail and "--st_checkpoint_dir" in tail:
            parts.append(
                "the script takes no --st_checkpoint_dir: call add_checkpointing_to_argparse("
                "parser), or parser.parse_known_args(), or run it with --checkpointing off"
            )
        return "; ".join(parts) + (f"\n{tail}" if tail else "")

    # -- the selector ----------------------------------------------------------------------------

    def _watch(self, fd: int) -> None:
        self._owner.selector.register(fd, selectors.EVENT_READ, partial(self._readable, fd))

    def _unwatch(self, fd: int) -> None:
        with contextlib.suppress(KeyError):
            self._owner.selector.unregister(fd)
