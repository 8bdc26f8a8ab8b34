"""One attempt on this machine: its process, its pipes, and its way to the end.

The way: the leader ends (by itself, by a polite signal, or by force), then what it left behind is
ended by force, and only when nothing of the tree lives is the rest of the pipes read and the end
told. A process that shed the tag, took a session of its own and lost its parent before anybody
looked is not found; it may keep a pipe open, and is not waited for.

Invariants (tests/backends/local/test_attempt.py, tests/backends/test_local.py):
- every report that was in the pipe comes before the end, and the end comes once;
- one read takes a bounded part of a pipe, so a flood neither fills the memory nor starves others;
- the end is told after the whole tree is verified gone, whoever holds the pipes.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pytest_synebench.backends.inbox import Inbox
from pytest_synebench.backends.local.logs import CappedLog, Tail
from pytest_synebench.backends.protocol import AttemptEnded, AttemptKey, Observation
from pytest_synebench.backends.supervision.leftovers import (
    Process,
    Seen,
    kill_all,
    look,
    signal_group,
    tree,
)
from pytest_synebench.channel import Receiver

READ_BYTES = 64 * 1024  #: at most so much of a pipe at a time; a pipe of Linux holds as much
_LAST_READS = 64  #: of what is left in a pipe at the end; no pipe holds more without privilege

Handler = Callable[[], object]


@dataclass(slots=True)
class Pipes:
    """The controller's ends of an attempt's pipes, and where their bytes go."""

    channel: int
    stdout: int
    stderr: int
    stdout_log: CappedLog
    stderr_log: CappedLog


class LocalAttempt:
    """A process tree, and what came out of it."""

    def __init__(
        self,
        key: AttemptKey,
        process: Process,
        pipes: Pipes,
        *,
        nonce: str,
        tag: str,
        selector: selectors.BaseSelector,
        tell: Callable[[Observation], None],
    ) -> None:
        """Take over a process that has been made.

        Args:
            key: whose attempt it is.
            process: the leader.
            pipes: the ends to read; closed here at the end.
            nonce: of its messages.
            tag: ``NAME=value`` that each process of its tree has in its environment.
            selector: calls a descriptor's handler, its ``data``, when it can be read.
            tell: takes the observations, in order.
        """
        self.key = key
        self.force_at_s: float | None = None  #: when politeness ends; None: not asked to stop
        self.stopping = False
        self._forced = False
        self._process = process
        seen = look(process.pid)
        self._since = seen.started if seen else 0
        self._pipes = pipes
        self._tag = tag
        self._selector = selector
        self._tell = tell
        self._receiver = Receiver(nonce)
        self._inbox = Inbox(key)
        self._tail = Tail()
        self._leader_gone = False
        self._found: set[Seen] = set()  #: of the tree, whatever has become of it since
        self._dying: set[int] = set()  #: descriptors of killed processes that are not gone yet
        self._sources: dict[int, Callable[[bytes], None]] = {
            pipes.channel: self._messages,
            pipes.stdout: pipes.stdout_log.write,
            pipes.stderr: self._errors,
        }

    def begin(self) -> None:
        """Listen from now on.

        Raises:
            OSError: the system has no room for another descriptor to listen to.
        """
        for fd in self._sources:
            os.set_blocking(fd, False)
            self._watch(fd, partial(self._read, fd))
        self._watch(self._process.fileno(), self._leader_ended)

    def unwatch(self) -> None:
        """Listen no more."""
        for fd in (*self._sources, *self._dying, self._process.fileno()):
            self._unwatch(fd)

    # -- what comes out --------------------------------------------------------------------------

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
        for observation in self._inbox.take(self._receiver.feed(data)):
            self._tell(observation)

    def _errors(self, data: bytes) -> None:
        self._tail.write(data)
        self._pipes.stderr_log.write(data)

    # -- the way to the end ----------------------------------------------------------------------

    def stop(self, force_at_s: float) -> None:
        """Ask the tree to end, once; ``force_at_s`` is when it must."""
        if not self.stopping and not self._leader_gone:
            self.stopping, self.force_at_s = True, force_at_s
            with contextlib.suppress(OSError):  # for lack of descriptors; looked again at the end
                self._find()
            signal_group(self._process.pid, signal.SIGTERM)

    def force(self) -> None:
        """End whatever lives of the tree; its end follows."""
        self.force_at_s = None
        if self._leader_gone:
            self._sweep()
        else:
            self.stopping = self._forced = True
            for fd in self._kill():
                os.close(fd)  # the leader's own descriptor tells when to look again

    def _find(self) -> set[Seen]:
        """Look what lives of the tree; what was found while the leader lived is remembered."""
        self._found.update(tree(self._process.pid, self._tag, self._since))
        return self._found

    def _kill(self) -> list[int]:
        try:
            found = self._find()
        finally:  # the group at one stroke: also those that are just being forked
            signal_group(self._process.pid, signal.SIGKILL)
        return kill_all(found)

    def _leader_ended(self) -> None:
        self._leader_gone, self.force_at_s = True, None
        self._unwatch(self._process.fileno())
        self._sweep()

    def _sweep(self) -> None:
        """End what the leader left; look again when that is gone; finish when nothing is left."""
        fds = self._kill()
        for fd in fds:
            self._dying.add(fd)
            self._watch(fd, partial(self._one_gone, fd))
        if not fds:
            self._finish()

    def _one_gone(self, fd: int) -> None:
        self._dying.discard(fd)
        self._unwatch(fd)
        os.close(fd)
        if not self._dying:
            self._sweep()

    def _finish(self) -> None:
        for fd in list(self._sources):
            for _ in range(_LAST_READS):
                if not self._read(fd):
                    break
        code = self._process.reap()
        self.release()
        self._tell(AttemptEnded(key=self.key, ok=code == 0, detail=self._detail(code)))

    def release(self) -> None:
        """Let every descriptor go. The process itself is let go by its reaping."""
        self.unwatch()
        for fd in (*self._sources, *self._dying):
            os.close(fd)
        self._sources.clear()
        self._dying.clear()
        self._pipes.stdout_log.close()
        self._pipes.stderr_log.close()

    # -- words -----------------------------------------------------------------------------------

    def _detail(self, code: int | None) -> str:
        parts = [self._how(code)]
        rejected = self._receiver.rejected + self._inbox.rejected
        if rejected:
            parts.append(f"lines on its report channel that were no messages: {rejected}")
        logs = (self._pipes.stdout_log, self._pipes.stderr_log)
        parts += [f"log lines were lost: {log.trouble}" for log in logs if log.trouble]
        tail = "" if code == 0 or self.stopping else self._tail.text()
        if "unrecognized arguments" in tail and "--st_checkpoint_dir" in tail:
            parts.append(
                "the script takes no --st_checkpoint_dir: call add_checkpointing_to_argparse("
                "parser), or parser.parse_known_args(), or run it with --checkpointing off"
            )
        return "; ".join(parts) + (f"\n{tail}" if tail else "")

    def _how(self, code: int | None) -> str:
        how = exit_words(code)
        if self._forced:
            return f"ended by force: {how}"
        if self.stopping:
            return f"told to stop: {how}"
        if code == -signal.SIGKILL:
            return f"{how}: killed from outside (out of memory?)"
        return how

    # -- the selector ----------------------------------------------------------------------------

    def _watch(self, fd: int, handler: Handler) -> None:
        self._selector.register(fd, selectors.EVENT_READ, handler)

    def _unwatch(self, fd: int) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(fd)


def exit_words(code: int | None) -> str:
    """Return an exit status in words.

    >>> exit_words(1), exit_words(-9)
    ('exit code 1', 'signal 9 (SIGKILL)')
    """
    if code is None:
        return "exit status unknown: another part of this program waited for the process"
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code} ({signal.Signals(-code).name})"
    except ValueError:  # a real-time signal has no name
        return f"signal {-code}"
