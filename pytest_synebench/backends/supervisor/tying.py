"""Ties a process to the one that made it, so that neither outlives what it must not.

Invariants (tests/backends/supervisor/test_tying.py holds each one):
- a tied process is killed when its supervisor ends, also where that came before it could ask;
- it leads a session of its own, and what its descendants leave behind comes to it;
- it starts with the signals that a fresh process has: none blocked, none ignored, no handler.

Source: Linux, prctl(2): PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER (both survive exec); the parent
meant there is the thread that made the process.
"""

from __future__ import annotations

import ctypes
import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    Handler = Callable[[int, FrameType | None], object] | int | None  # as ``signal`` has them

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36
_prctl = ctypes.CDLL(None, use_errno=True).prctl
_prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4


def tie(supervisor: int, signals: Mapping[int, Handler] | None = None) -> None:
    """Make this process, just forked, a leader: bound to its parent, at the head of a session.

    Args:
        supervisor: the parent's process id, as the parent knows it.
        signals: handlers to set; None: none at all, as a program finds them after an exec.

    Raises:
        OSError: the kernel refuses, which it does not do on Linux 3.4 or later.
    """
    die_with(supervisor)
    os.setsid()
    adopt_orphans()
    signal.set_wakeup_fd(-1)  # the pipe of the supervisor
    if signals is None:
        default_signals()
    else:
        for number, handler in signals.items():
            signal.signal(number, handler)
    # Last: what was sent since the fork is delivered here, to those handlers.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def default_signals() -> None:
    """Give every signal its default, as an exec does with all but those that are ignored."""
    for number in signal.valid_signals():
        if signal.getsignal(number) != signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)


def heed_signals() -> None:
    """Stop ignoring what the process above ignored or blocked, as it is inherited by all below."""
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:  # Python ignores these
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends; at once, if it already has.

    Args:
        parent: its process id, as it knows it itself.

    Raises:
        OSError: the kernel refuses.
    """
    _ask(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def outlive_parent() -> None:
    """Undo ``die_with``."""
    _ask(_PR_SET_PDEATHSIG, 0)


def adopt_orphans() -> None:
    """Become the parent of every descendant that loses its own.

    Raises:
        OSError: the kernel refuses.
    """
    _ask(_PR_SET_CHILD_SUBREAPER, 1)


def _ask(option: int, value: int) -> None:
    if _prctl(option, value, 0, 0, 0):
        code = ctypes.get_errno()
        raise OSError(code, f"prctl({option}, {value}): {os.strerror(code)}")
