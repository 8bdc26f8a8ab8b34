"""Why nothing can be started, watched or ended on this machine: in words, with a way out.

Invariants (tests/backends/local/test_refusals.py, and test_local.py beside it):
- an error of the system becomes one that says what failed, on what, and what to do;
- a supervisor that died is told with its last words, and that the run can be continued.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_synebench.backends.protocol import AttemptKey
from pytest_synebench.errors import BackendError, UsageError

DESCRIPTORS = 12  #: that an attempt holds in the controller at most; 5 once it runs
_WAYS_OUT = {
    errno.EMFILE: f"each attempt takes {DESCRIPTORS}: raise `ulimit -n`, or run fewer workers",
    errno.ENFILE: "the whole machine has no more: end other programs, or run fewer workers",
    errno.ENOSPC: "free some space, then continue the run with --synebench-resume",
    errno.EDQUOT: "free some space, then continue the run with --synebench-resume",
    errno.ENOENT: "name one that is there",
    errno.EACCES: "name one that this user may use",
    errno.ENOEXEC: "name a program: is it an interpreter?",
    errno.EAGAIN: "the user may have no more processes: raise `ulimit -u`, or run fewer workers",
    errno.ENOMEM: "run fewer workers",
}


def words(*keys: AttemptKey) -> str:
    """Return attempts in words.

    >>> words(AttemptKey(3, 0), AttemptKey(4, 1))
    'trial 3 (attempt 0), trial 4 (attempt 1)'
    """
    return ", ".join(f"trial {key.trial_id} (attempt {key.number})" for key in keys)


def refusal(failed: str, error: OSError) -> BackendError:
    """Return what to raise for an error of the system; ``failed`` says what could not be done."""
    what = error.strerror or type(error).__name__
    where = f": {os.fsdecode(error.filename)}" if error.filename else ""
    way_out = _WAYS_OUT.get(error.errno or 0, "see to it, then continue with --synebench-resume")
    return BackendError(f"{failed}: {what}{where}; {way_out}")


def not_started(key: AttemptKey, error: OSError) -> BackendError:
    """Return what to raise when an attempt could not be started."""
    return refusal(f"{words(key)} cannot be started", error)


@contextmanager
def refusing(failed: str) -> Iterator[None]:
    """Have errors of the system raised as refusals.

    Raises:
        BackendError: there was one.
    """
    try:
        yield
    except OSError as error:
        raise refusal(failed, error) from error


def broken_off(text: str) -> BackendError:
    """Return what to raise when a supervisor has died; ``text`` says how, then its last lines."""
    how, *last_lines = text.splitlines()
    rest = "nothing that was reported is lost: continue with --synebench-resume"
    return BackendError("\n".join([f"{how}, and with it the trials that ran; {rest}", *last_lines]))


def still_there(keys: Iterable[AttemptKey], error: BackendError | None) -> BackendError:
    """Return what to raise when something of attempts outlives their supervisors.

    Args:
        keys: of the attempts.
        error: says what it is; None: nobody knows.
    """
    which = "" if error is None else f": {error}"
    return BackendError(
        f"{words(*keys)}: processes were sent SIGKILL and are still there{which}; find out what "
        "holds them (a dead file system?)"
    )


def current_folder() -> Path:
    """Return the folder in which this process runs.

    Raises:
        BackendError: it has been deleted; the text names it.
    """
    try:
        return Path.cwd()
    except FileNotFoundError:
        name = os.readlink("/proc/self/cwd")  # noqa: PTH115 - no file is asked for
        raise _no_folder("trials cannot be started", name) from None


def check_folder(folder: Path, key: AttemptKey) -> None:
    """Refuse to start an attempt in a folder that is gone.

    Raises:
        BackendError: it is; the text names it.
    """
    if not folder.is_dir():
        raise _no_folder(f"{words(key)} cannot be started", str(folder))


def _no_folder(failed: str, folder: str) -> BackendError:
    return BackendError(
        f"{failed}: the folder in which trials run is gone, or is none: {folder}; make it again, "
        "then continue with --synebench-resume"
    )


def check_platform() -> None:
    """Refuse a system that cannot tell by a descriptor that a process has ended.

    Raises:
        UsageError: this is one.
    """
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as error:
        raise UsageError(
            f"the local back-end runs on Linux 5.3 or newer, this is {sys.platform} ({error}): "
            "only there a descriptor (pidfd) tells that a process has ended. Run in a container "
            "or virtual machine with such a Linux"
        ) from None
