"""The one module that writes to disk so that it stays there.

Two forms: a file that is replaced whole (``replace_file``), and a log of lines that only grows
(``LineLog``), each line with a checksum. Standard library only: this file travels into every trial.

Invariants (tests/test_durable.py, tests/test_durable_crashes.py, tests/faults/):
- after ``replace_file`` a reader finds the old bytes or the new ones, never a mixture or nothing;
- ``LineLog.append`` returns only after fsync, unless it was opened with ``sync=False``; ``sync``
  returns only after it in any case;
- an append or a sync that fails leaves nothing behind that was not durable before, and after one
  that the disk refused none is taken;
- opening a log cuts a torn last line off before anything is appended behind it;
- a whole line that is damaged is never skipped: it raises, with its number and offset.

Two processes must not write one log. Which of them may is not settled here.
"""

from __future__ import annotations

import contextlib
import os
import zlib

from pytest_synebench.errors import JournalError, RunError

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing and pathlib cost more to import than a trial may spend
    from collections.abc import Iterable
    from typing import TypeAlias

    StrPath: TypeAlias = str | os.PathLike[str]

_CRC_CHARS = 8


def sync_directory(path: StrPath) -> None:
    """Make the names in a directory durable (a rename is, only once its directory is)."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file(path: StrPath) -> None:
    """Make a file's bytes durable, whoever wrote them."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes) -> None:
    """Write every byte (``os.write`` may write fewer)."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _read_all(fd: int) -> bytes:
    with open(fd, "rb", closefd=False) as file:
        file.seek(0)
        return file.read()


def write_file(path: StrPath, data: bytes) -> None:
    """Write a new file and make its bytes durable; its name is not yet (``sync_directory``)."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        write_all(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)


def replace_file(path: StrPath, data: bytes) -> None:
    """Replace a file whole, durably: write aside, fsync, rename, fsync the directory."""
    folder, name = os.path.split(os.path.abspath(path))
    aside = os.path.join(folder, f".{name}.{os.getpid()}.part")
    try:
        write_file(aside, data)
        os.replace(aside, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside)
        raise
    sync_directory(folder)


def frame(payload: bytes) -> bytes:
    r"""Return one line of a log: checksum, space, payload, newline.

    >>> frame(b"{}")
    b'a3a6bf43 {}\n'
    """
    return b"%08x %b\n" % (zlib.crc32(payload), payload)


def unframe(line: bytes) -> bytes | None:
    """Return the payload of a line without its newline, or None where the checksum differs."""
    crc, payload = line[:_CRC_CHARS], line[_CRC_CHARS + 1 :]
    return payload if crc == b"%08x" % zlib.crc32(payload) and line[8:9] == b" " else None


def _torn(rest: bytes) -> bool:
    """Whether a crash may have left the rest of a log: a line without its end, or with a hole.

    A line that is not yet durable is nobody's loss. A whole line with another checksum is: it was
    durable before anyone acted on it, and was changed since.
    """
    # A file system may show blocks that were never written, as zeros; no line of ours has any.
    return rest.find(b"\n") < 0 or (rest.find(b"\n") == len(rest) - 1 and b"\0\0" in rest)


def read_lines(data: bytes, name: str) -> tuple[list[bytes], int]:
    """Return the payloads of a log's bytes, and the length up to which it is whole.

    Only the last line may be torn (no end, or a hole in it): that is what a crash leaves.

    Raises:
        JournalError: a whole line is damaged; the text names line and offset.
    """
    payloads: list[bytes] = []
    offset = 0
    while offset < len(data):
        end = data.find(b"\n", offset)
        payload = None if end < 0 else unframe(data[offset:end])
        if payload is None:
            if _torn(data[offset:]):
                break
            raise JournalError(
                f"{name}: line {len(payloads) + 1} (byte {offset}) does not match its checksum: "
                "the file was damaged after it was written. Nothing was changed; restore it from "
                f"a copy, or give up what follows line {len(payloads)}: truncate -s {offset} FILE"
            )
        payloads.append(payload)
        offset = end + 1
    return payloads, offset


class LineLog:
    """A file of checksummed lines that only grows; one process at a time may have it open."""

    def __init__(self, path: StrPath, *, sync: bool = True) -> None:
        """Open or create, read and repair the log.

        Args:
            path: the file; its directory exists.
            sync: whether each append waits for the disk.

        Raises:
            JournalError: a whole line is damaged.
        """
        self._sync = sync
        self._path = path
        self._refused = ""  #: why nothing more can be appended
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            data = _read_all(self._fd)
            self.payloads, whole = read_lines(data, str(path))
            self.torn_bytes = len(data) - whole  #: cut off: what a crash left of a last line
            if self.torn_bytes:
                os.ftruncate(self._fd, whole)
                os.fsync(self._fd)
            if not os.lseek(self._fd, 0, os.SEEK_END):
                # New, or made just before a crash: its name may not be durable yet.
                sync_directory(os.path.dirname(os.path.abspath(path)))
            self._durable = os.lseek(self._fd, 0, os.SEEK_CUR)  #: bytes that fsync has vouched for
        except BaseException:
            os.close(self._fd)
            raise

    def append(self, payload: bytes) -> None:
        """Add one line and, unless opened with ``sync=False``, wait until it is on disk.

        Raises:
            OSError: the disk refuses; what was written of the line is taken back.
            RunError: the disk has refused an earlier line.
        """
        self._write(frame(payload))

    def extend(self, payloads: Iterable[bytes]) -> None:
        """Add several lines by one write, else as ``append``: all of them, or none."""
        # As `frame`, whose call takes longer than what it does.
        self._write(b"".join([b"%08x %b\n" % (zlib.crc32(line), line) for line in payloads]))

    def _write(self, lines: bytes) -> None:
        if self._refused:
            raise RunError(
                f"{self._path} takes no line after one that was refused: {self._refused}; "
                "close it, mend that, and open it again"
            )
        end = os.lseek(self._fd, 0, os.SEEK_CUR)
        try:
            write_all(self._fd, lines)
        except BaseException as error:
            if isinstance(error, OSError):
                self._refused = str(error) or type(error).__name__
            self._take_back(end)
            raise
        if self._sync:
            self.sync()

    def _take_back(self, end: int) -> None:
        with contextlib.suppress(OSError):  # a torn last line is cut off on opening as well
            os.ftruncate(self._fd, end)
            os.lseek(self._fd, end, os.SEEK_SET)

    def sync(self) -> None:
        """Wait until all that was appended is on disk.

        Raises:
            OSError: the disk refuses; what was appended since the last time is taken back.
        """
        try:
            os.fsync(self._fd)
        except OSError as error:
            # After a failed fsync nobody knows what is on disk: a later success would mean nothing.
            self._refused = str(error) or type(error).__name__
            self._take_back(self._durable)
            raise
        self._durable = os.lseek(self._fd, 0, os.SEEK_CUR)

    def close(self) -> None:
        """Make everything durable and let the file go. May be repeated."""
        if self._fd < 0:
            return
        try:
            os.fsync(self._fd)
        finally:
            os.close(self._fd)
            self._fd = -1
