"""What this process has told its controller so far, and where it ends.

The controller names the level at which an attempt ends by itself (``until``). The process ends in
``report`` if its state of that level needs no saving any more, else in the checkpoint call that
follows: a script may checkpoint and then report, or report and then checkpoint.

Invariants (tests/training/test_ends.py holds each one):
- the hello goes first, and again when a checkpoint helper is called after it;
- nothing is sent of a level behind the one it ends at; a script that does not report every level
  ends at the first it reports from ``until`` up, and may save there;
- an attempt whose script uses checkpoints never ends at ``until`` before its checkpoint call;
- a script that swallows the ``SystemExit`` it is ended with ends at its next report, with code 0.
"""

from __future__ import annotations

import os
import sys
from _thread import RLock  # threading re-exports it, and imports collections on the way

from pytest_synebench.channel import VERSION, Sender
from pytest_synebench.errors import ReportError
from pytest_synebench.training.attempt import VARIABLE, Attempt, read_attempt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

    from pytest_synebench.training.probing import Probe

_MAX_REMARK_CHARS = 4000  # a message has 64 KiB


class Session:
    """One attempt's side of the talk."""

    def __init__(self, attempt: Attempt, sender: Sender) -> None:
        self.attempt = attempt
        self._sender = sender
        self._hello: tuple[bool, int, str] | None = None
        self._checkpoints = False
        self._handled = 0  #: highest level whose checkpoint call has been made, or was resumed
        self._reported = 0  #: highest level reported
        self._ended = False
        self._lock = RLock()
        self._probe = _probe(attempt)

    def begin(self, *, checkpoints: bool = False, resumed_from: int = 0, remark: str = "") -> None:
        """Say hello, or amend it where something new is known."""
        with self._lock:
            self._checkpoints = self._checkpoints or checkpoints
            self._handled = max(self._handled, resumed_from)
            _, known_from, known_remark = self._hello or (False, 0, "")
            remark = (remark or known_remark)[:_MAX_REMARK_CHARS]
            hello = (self._checkpoints, resumed_from or known_from, remark)
            if hello != self._hello:
                self._hello = hello
                told = {"checkpoints": hello[0], "resumed_from": hello[1], "remark": hello[2]}
                self._sender.send("hello", version=VERSION, **told)

    def report(self, metrics: Mapping[str, Any]) -> None:
        """Send one report; ends the process where it must end.

        Raises:
            ReportError: the resource level is missing or no level.
            SystemExit: the attempt has reached the level at which it ends.
        """
        level = self._level(metrics)
        self.look("report", level)
        with self._lock:
            self._leave_if_ended()
            self.begin()
            if self.is_beyond(level):
                self.end()
            self._sender.send("report", metrics=dict(metrics))
            self._reported = max(self._reported, level)
            if self._is_last(level) and (not self._checkpoints or self._handled >= level):
                self.end()

    def _level(self, metrics: Mapping[str, Any]) -> int:
        """Return the level a report is of; 0 where the benchmark has no levels."""
        name = self.attempt.resource_attr
        if name is None:
            return 0
        if name not in metrics:
            raise ReportError(
                f"report() got {', '.join(metrics)}, but not {name!r}, under which the benchmark "
                f"expects the resource level; write report({name}=epoch, ...)"
            )
        level = metrics[name]
        if isinstance(level, bool) or not isinstance(level, int) or level < 1:
            raise ReportError(
                f"report() got {name}={level!r} ({type(level).__name__}); a resource level is an "
                f"integer from 1 up; count epochs from 1 and pass {name}=int(...)"
            )
        return level

    def _is_last(self, level: int) -> bool:
        """Whether this attempt ends at the level, unless it has ended before."""
        return self.attempt.until is not None and level >= self.attempt.until

    def is_beyond(self, level: int) -> bool:
        """Whether a level lies behind the one at which this attempt ends."""
        return level > self._reported and self._is_last(self._reported)

    def due(self, level: int) -> bool:
        """Whether the controller wants a checkpoint of this level."""
        at, until = self.attempt.checkpoint_at, self.attempt.until
        skipped = until is not None and level > until
        return at is not None and (not at or level in at or skipped)

    def look(self, at: str, level: int) -> None:
        """Have the script's variables looked at, where that is asked for."""
        if self._probe is not None:
            self._probe.look(at, level)

    def before_checkpoint(self, level: int) -> None:
        """Take note of a checkpoint call; ends the process if the level is behind its end."""
        self.look("checkpoint", level)
        self._leave_if_ended()
        self.begin(checkpoints=self.attempt.checkpoint_at is not None)
        if self.is_beyond(level):
            self.end()

    def after_checkpoint(self, level: int, *, saved: bool) -> None:
        """Say that a level is saved; ends the process if that was all it waited for.

        Raises:
            SystemExit: the level is the last, and it has been reported.
        """
        if saved:
            self._sender.send("saved", level=level)
        self._handled = max(self._handled, level)
        if self._is_last(level) and self._reported >= level:
            self.end()

    def end(self) -> NoReturn:
        """End the process with code 0, by ``SystemExit`` so that the script can clean up."""
        self._ended = True
        _flush()
        if _in_main_thread():
            raise SystemExit(0)
        os._exit(0)  # SystemExit would end this thread only, and the script would train on

    def _leave_if_ended(self) -> None:
        if self._ended:
            _flush()
            os._exit(0)


def _probe(attempt: Attempt) -> Probe | None:
    """Return what looks into this process, or None: nobody has asked for it."""
    folder = os.path.join(os.path.dirname(os.environ.get(VARIABLE, "")), "probes")
    if not os.path.isdir(folder):
        return None
    from pytest_synebench.training.probing import Probe

    return Probe(folder, attempt.number, attempt.script)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # None, full disk, closed
            continue


def _in_main_thread() -> bool:
    threading = sys.modules.get("threading")  # not loaded: there is no other thread
    return threading is None or threading.current_thread() is threading.main_thread()


class _Known:
    """The session of this process, once something has asked for it."""

    asked = False
    session: Session | None = None
    lock = RLock()


def current_session() -> Session | None:
    """Return this process's session, or None where a person started the script.

    Raises:
        TrialError: the environment names an attempt that cannot be read.
        ReportError: this process is a child of the attempt's, whose pipe it does not have.
    """
    with _Known.lock:
        if not _Known.asked:
            attempt = read_attempt()
            _Known.session = None if attempt is None else _open(attempt)
            _Known.asked = True
        return _Known.session


def _open(attempt: Attempt) -> Session:
    if not attempt.owned:
        raise ReportError(
            f"process {os.getpid()} was started by the trial's process and has no report pipe; "
            "report and checkpoint from the process that the trial started as"
        )
    return Session(attempt, Sender(attempt.fd, attempt.nonce))
