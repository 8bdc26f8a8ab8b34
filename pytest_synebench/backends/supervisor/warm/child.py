"""A copy of a warm process becomes an attempt's process: to the script it is ``python train.py``.

Invariants (tests/backends/supervisor/warm/test_child.py, test_warm_equals_cold.py):
- output, exit code, traceback and numbers are those of ``training.bootstrap``, byte for byte;
- the process has descriptors 0 to 3, its order's environment, folder and arguments;
- what libraries know of the warm process (where it was started, which warnings were given) they
  ask for anew, and what is to be released when it ends is not released by its copies;
- an error of ours is shown where the script's errors are, and never ends in the supervisor's loop.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import traceback
import warnings
import weakref

from pytest_synebench.backends.supervision import label
from pytest_synebench.backends.supervision.interpreter import NO_FOLDER, command
from pytest_synebench.backends.supervision.wire import CHANNEL
from pytest_synebench.backends.supervisor.forking import BOOTSTRAP
from pytest_synebench.backends.supervisor.warm.ending import (
    INTERRUPTED,
    end,
    exit_code,
    newest_module,
)
from pytest_synebench.backends.supervisor.warm.threads import use_threads
from pytest_synebench.backends.supervisor.warm.traces import ENVIRONMENT
from pytest_synebench.training.attempt import PARENT, read_attempt
from pytest_synebench.training.bootstrap import run_script
from pytest_synebench.training.seeding import seed_everything

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

    from pytest_synebench.backends.supervision.wire import Order

_FREE = 16  #: descriptors wait from this number up until their places are free


def prepare() -> None:
    """Find out, in the warm process, what is the same in all its copies."""
    with contextlib.suppress(OSError):
        label.find()


def become(order: Order, stdout: int, stderr: int, channel: int, close: Sequence[int]) -> NoReturn:
    """Run an order's script in this process, a fork that is already tied, and end the process.

    Args:
        order: what to run, and where.
        stdout: descriptor of its own; so are ``stderr`` and ``channel``. All are closed here.
        stderr: as above.
        channel: the report channel.
        close: the supervisor's own descriptors.
    """
    try:
        _place((stdout, stderr, channel), close)
        _dress(order)
        newest = newest_module()
        end(_run(order), newest)
    except BaseException:
        os.write(2, traceback.format_exc().encode(errors="backslashreplace"))
    finally:
        os._exit(1)


def _place(streams: Sequence[int], close: Sequence[int]) -> None:
    """Put nothing and the streams on descriptors 0 to 3; close where they were, and the others."""
    waiting = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FREE) for fd in streams]
    for fd in {*streams, *close}:
        os.close(fd)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    if nothing:
        os.close(nothing)
    for number, fd in enumerate(waiting, start=1):
        os.dup2(fd, number, inheritable=number != CHANNEL)
        os.close(fd)


def _dress(order: Order) -> None:
    """Put on what a fresh process of this order would have."""
    _change_environment({**ENVIRONMENT.over(order.environment), PARENT: str(os.getppid())})
    names = order.environment.items()
    label.wear(f"{name}={value}" for name, value in names if name.startswith("SYNEBENCH_"))
    os.chdir(order.directory)
    sys.orig_argv = command(sys.executable, BOOTSTRAP, order.script, *order.arguments)
    if NO_FOLDER in sys.path:
        sys.path.remove(NO_FOLDER)
        sys.path.insert(0, NO_FOLDER)  # run_script puts the script's folder there
    _forget(order)
    use_threads(os.environ)
    attempt = read_attempt()
    if attempt is not None:
        seed_everything(attempt.seed)


def _change_environment(wanted: Mapping[str, str]) -> None:
    """Make ``os.environ`` this; what stays is not written, which would copy its pages."""
    for name in set(os.environ) - set(wanted):
        del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _forget(order: Order) -> None:
    # What these release is the warm process's own, and may be in use by other copies of it.
    for finalizer in weakref.finalize._registry.values():  # type: ignore[attr-defined]
        finalizer.atexit = False
    # Which warnings were given already is then void, as after any change of the filters.
    getattr(warnings, "_filters_mutated", int)()
    process = sys.modules.get("multiprocessing.process")
    if process is not None:
        process.ORIGINAL_DIR = order.directory  # type: ignore[attr-defined]
        process.current_process().authkey = os.urandom(32)  # one each, as in processes of their own
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile.tempdir = None  # type: ignore[attr-defined]


def _run(order: Order) -> int:
    """Run the script; return its exit code, or INTERRUPTED."""
    try:
        run_script(order.script, list(order.arguments), sys.modules.get("__main__"))
    except SystemExit as error:
        return exit_code(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0
