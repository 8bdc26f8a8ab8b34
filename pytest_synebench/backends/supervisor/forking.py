"""Makes the process of an attempt: a program that is executed, or a copy of this process.

Invariants (tests/backends/supervisor/test_forking.py holds each one):
- the process has descriptors 0 to 3 and nothing else, and runs where the order says;
- a program that cannot be run is an answer with the kernel's reason, never a process that ran;
- a command is looked up on the PATH of the order's environment, not of this process's.
"""

from __future__ import annotations

import errno
import os
import signal

from pytest_synebench.backends.supervision.interpreter import command
from pytest_synebench.backends.supervision.wire import CHANNEL
from pytest_synebench.backends.supervisor.tying import tie

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from pytest_synebench.backends.supervision.wire import Order

BOOTSTRAP = "pytest_synebench.training.bootstrap"
#: Signals that have handlers in a supervisor; a copy of it must not run those.
HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
_NAME_BYTES = 3000  #: of a file's name, so that a refusal is written to its pipe in one piece


def fork() -> int:
    """Return as ``os.fork``; in the child the signals of HANDLED wait until it is tied.

    Raises:
        OSError: there can be no more processes.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    pid = -1
    try:
        pid = os.fork()
    finally:
        if pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    return pid


def execute(order: Order, streams: Sequence[int]) -> tuple[int, int]:
    """Return the process id of an interpreter that starts, and a pipe that tells how it went.

    Args:
        order: has an interpreter.
        streams: descriptors of stdout, stderr and channel, none of them below 4.

    Returns:
        The process id, and the descriptor to pass to ``refusal`` once it is readable.

    Raises:
        OSError: there can be no more processes.
    """
    supervisor = os.getpid()
    reads, told = os.pipe2(os.O_CLOEXEC)
    try:
        pid = fork()
        if not pid:
            _become_interpreter(order, streams, told, supervisor)
    except OSError:
        os.close(reads)
        raise
    finally:
        os.close(told)
    return pid, reads


def refusal(pipe: int) -> tuple[int, str] | None:
    """Return errno and file of a start that failed; None: it went well. Closes the pipe."""
    with os.fdopen(pipe, "rb") as file:
        said = file.read()
    if not said:
        return None
    code, _, name = said.partition(b" ")
    return int(code), os.fsdecode(name)


def _become_interpreter(
    order: Order, streams: Sequence[int], told: int, supervisor: int
) -> NoReturn:
    name = order.interpreter or ""
    try:
        tie(supervisor)
        told = _place(streams, told)
        os.chdir(order.directory)
        line = command(name, BOOTSTRAP, order.script, *order.arguments)
        os.execvpe(name, line, dict(order.environment))
    except OSError as error:
        where = order.directory if error.filename == order.directory else name
        _tell(told, error.errno or errno.EIO, where)
    except ValueError:  # a NUL in an argument or a variable
        _tell(told, errno.EINVAL, name)
    finally:
        os._exit(127)


def _tell(told: int, code: int, name: str) -> None:
    os.write(told, b"%d %s" % (code, os.fsencode(name)[:_NAME_BYTES]))


def _place(streams: Sequence[int], told: int) -> int:
    """Put descriptors where the new program looks for them, and close all others."""
    for number, fd in enumerate([os.open(os.devnull, os.O_RDWR), *streams]):
        os.dup2(fd, number)
    os.dup2(told, CHANNEL + 1, inheritable=False)
    os.closerange(CHANNEL + 2, os.sysconf("SC_OPEN_MAX"))
    return CHANNEL + 1
