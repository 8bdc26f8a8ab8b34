"""Whose a run directory is: one controller's at a time, and it can be taken from one that stands.

``lease.json`` says who holds the run. The kernel keeps a lock on it (flock) for as long as that
process lives, so there is no time-out: a slow or stopped controller never loses its run by itself.
It loses it when somebody takes it over. That makes new files out of those which the old one has
open, so that what it still writes goes where nobody reads, and it finds the lease to be another
file before it makes another step. While it makes one, it locks its journal as well, and there is
no takeover: a process can be stopped between any two of its instructions.

Invariants (tests/experiment/store/{test_lease,test_takeover}.py, tests/faults/test_fencing.py):
- a run that another process holds, or may hold as far as can be told, is refused, with its name;
- one whose holder let go, died, or lost its machine is taken without a question;
- a controller that runs here is never fenced; of several that take a run over, one does;
- after a takeover, ``check`` and ``acting`` of the old lease raise, and no descriptor of its
  holder reaches a file of the run;
- a holder that is stopped in the middle of a step is not fenced on the machine it runs on;
- who has lost a lease can neither release nor change that of the winner.

Source: Linux, flock(2); for fencing, Kleppmann, "How to do distributed locking", 2016.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pytest_synebench.clock import Clock
from pytest_synebench.durable import replace_file, sync_directory, write_all
from pytest_synebench.errors import RunError
from pytest_synebench.experiment.store.holder import Doing, Holder

NAME = "lease.json"
_NEXT = f".{NAME}.next"  #: becomes ``lease.json`` in a takeover; its lock keeps others out
_JOURNAL = "journal.jsonl"
_WRITTEN_TO = (_JOURNAL, "timings.jsonl", "trials/*/*.log")
_TRIES = 100  #: each is a race that was lost to another process which has ended since


class Lease:
    """This process's hold on a run directory."""

    def __init__(self, directory: Path, fd: int, mine: Holder) -> None:
        """Take over a locked descriptor; ``take`` makes leases."""
        self.directory = directory
        self._path = str(directory / NAME)  # asked about before every line of the journal
        self.taken_from: Holder | None = None  #: who was fenced, if somebody was
        self._mine = mine
        self._fd = fd
        self._journal = -1  #: its lock is held while a step is made

    @classmethod
    def take(cls, directory: Path, clock: Clock, *, takeover: bool = False) -> Lease:
        """Hold a run directory; ``rest`` ends the step that begins with it.

        Args:
            directory: of the run.
            clock: tells since when.
            takeover: fence a holder that is stopped, or cannot be seen from here.

        Raises:
            RunError: somebody else holds it; the text says who, what it is doing, and the way out.
            OSError: the file system refuses, or keeps no locks.
        """
        for _ in range(_TRIES):
            lease, holder = cls._hold(directory, clock)
            if lease is None and holder is not None:
                _refuse(directory, holder, takeover=takeover)
                lease = cls._seize(directory, clock, holder)
            if lease is not None:
                return lease
        raise RunError(
            f"{directory} is held by a process that does not say which it is: see who uses "
            f"{directory / NAME} (`fuser -v` names it), then resume"
        )

    @classmethod
    def _hold(cls, directory: Path, clock: Clock) -> tuple[Lease | None, Holder | None]:
        """Return the lease, or who has it; neither: somebody else is taking it just now."""
        fd = _open(directory / NAME)
        try:
            locked = _lock(fd)
            holder = _read(fd)
            if locked and _is(fd, directory / NAME) and not (holder and holder.may_write()):
                lease = cls(directory, fd, Holder.me(clock))
                lease._begin()
                lease._say(lease._mine)
                return lease, None
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        return None, holder

    @classmethod
    def _seize(cls, directory: Path, clock: Clock, holder: Holder) -> Lease | None:
        """Fence the holder; None: by now it is another one."""
        with contextlib.ExitStack() as undo:
            fd = _open(directory / _NEXT)
            undo.callback(os.close, fd)
            if not (_lock(fd) and _is(fd, directory / _NEXT)):
                raise RunError(_busy(directory))
            if Holder.read((directory / NAME).read_bytes()) != holder:
                (directory / _NEXT).unlink()
                return None
            with (directory / _JOURNAL).open("ab") as journal:
                # What is gone makes no step, though what it left may have its locks.
                if holder.doing() is not Doing.GONE and not _lock(journal.fileno()):
                    raise RunError(_in_a_step(directory, holder))
                lease = cls(directory, fd, Holder.me(clock))
                lease.taken_from = holder
                lease._fence()
            lease._begin()
            undo.pop_all()
        return lease

    def _fence(self) -> None:
        self._say(self._mine)
        (self.directory / _NEXT).replace(self.directory / NAME)
        sync_directory(self.directory)
        # Afterwards: what the old one was told to be on disk by now is in the copy.
        for pattern in _WRITTEN_TO:
            for path in self.directory.glob(pattern):
                replace_file(path, path.read_bytes())

    def _begin(self) -> None:
        """Be in a step, from the start."""
        self._journal = _open(self.directory / _JOURNAL)
        if not _lock(self._journal):
            os.close(self._journal)
            raise RunError(_busy(self.directory))

    @contextlib.contextmanager
    def acting(self) -> Iterator[None]:
        """Make a step: as long as it takes, nobody takes the run over.

        Raises:
            RunError: somebody has.
        """
        self._act()
        try:
            yield
        finally:
            self.rest()

    @contextlib.contextmanager
    def resting(self) -> Iterator[None]:
        """Wait, in the middle of a step; afterwards the run may be somebody else's.

        Raises:
            RunError: it is.
        """
        self.rest()
        try:
            yield
        finally:
            self._act()

    def rest(self) -> None:
        """End a step. May be repeated, also after ``release``."""
        if self._journal >= 0:
            fcntl.flock(self._journal, fcntl.LOCK_UN)

    def _act(self) -> None:
        fcntl.flock(self._journal, fcntl.LOCK_EX)  # a takeover holds it for a moment
        self.check()

    def check(self) -> None:
        """Make sure that the run is still this process's; costs microseconds.

        Raises:
            RunError: it was taken over; the text says by whom.
            OSError: the directory cannot be looked at.
        """
        if not _is(self._fd, self._path):
            raise RunError(self._lost())

    @property
    def held(self) -> bool:
        """Whether the run is still this process's, as far as can be told."""
        try:
            return _is(self._fd, self._path)
        except OSError:
            return True

    def release(self) -> None:
        """Let another process have the run. May be repeated."""
        if self._fd < 0:
            return
        try:
            # A disk that refuses: the lock goes all the same, and the process later.
            with contextlib.suppress(OSError):
                self._say(replace(self._mine, released=True))
        finally:
            for fd in (self._journal, self._fd):
                os.close(fd)
            self._fd = self._journal = -1

    def _say(self, holder: Holder) -> None:
        """Write in place: a new file would be another lease."""
        data = holder.to_bytes()
        os.lseek(self._fd, 0, os.SEEK_SET)
        write_all(self._fd, data)
        os.ftruncate(self._fd, len(data))
        os.fsync(self._fd)

    def _lost(self) -> str:
        try:
            holder = Holder.read((self.directory / NAME).read_bytes())
        except FileNotFoundError:
            return (
                f"{self.directory / NAME} was removed, so this run may be anybody's: nothing more "
                "of it is written here. Go on with --synebench-resume"
            )
        return (
            f"the run in {self.directory} was taken over by {holder or 'another process'}: nothing "
            "more of it is written here. Follow that one, or end it and use --synebench-resume"
        )


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)


def _lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(fd: int) -> Holder | None:
    return Holder.read(os.pread(fd, 65536, 0))


def _is(fd: int, path: Path | str) -> bool:
    """Whether a path still names the file that is open."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))  # noqa: PTH116 - half the time
    except FileNotFoundError:
        return False


def _busy(directory: Path) -> str:
    return (
        f"{directory} is being taken over by another process at this moment: see what becomes of "
        "that, then resume"
    )


def _in_a_step(directory: Path, holder: Holder) -> str:
    return (
        f"{directory} cannot be taken over from {holder} now: it is in the middle of a step, which "
        f"it would finish when it goes on. Continue (`kill -CONT {holder.pid}`) or end it"
    )


def _refuse(directory: Path, holder: Holder, *, takeover: bool) -> None:
    """Return where the run may be taken from its holder now.

    Raises:
        RunError: it may not.
    """
    doing = holder.doing()
    if takeover and doing is not Doing.RUNNING:
        return
    raise RunError(
        f"{directory} is held by {holder}: one run directory has one controller. "
        + _way_out(directory, holder, doing, takeover=takeover)
    )


def _way_out(directory: Path, holder: Holder, doing: Doing, *, takeover: bool) -> str:
    anew = "start a new run without --synebench-resume"
    if doing is Doing.RUNNING and takeover:
        return (
            f"It is running: end it first (`kill {holder.pid}`); --synebench-takeover is for one "
            "that is stopped or out of sight"
        )
    if doing is Doing.RUNNING:
        return f"It is running: wait for it, or end it (`kill {holder.pid}`), or {anew}"
    take = f"or take the run over with --synebench-takeover, or {anew}"
    if doing is Doing.STOPPED:
        return f"It is stopped (Ctrl-Z?): continue (`kill -CONT {holder.pid}`) or end it, {take}"
    if doing is Doing.GONE:
        return (
            "It is gone, but a process that it left holds the lock: end that "
            f"(`fuser -v {directory / NAME}` names it), {take}"
        )
    return (
        "It is on another machine or in another container, so what it is doing cannot be told from "
        f"here: end it there, {take}"
    )
