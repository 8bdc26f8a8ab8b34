"""What the bytes of a file are called: a SHA-256 that several processors can take.

A file of up to ``PART_BYTES`` is called by its SHA-256. A longer one is called by the SHA-256 of
the SHA-256s of its parts of that size, and by their number: ``<64 hexadecimal digits>-13``. So S3
calls an object that was sent in such parts. A long file that an earlier version saved has no
number, and is read whole by one thread. Standard library only: this file travels into every trial.

Invariants (tests/checkpoints/test_hashing.py holds each one):
- equal bytes have one name, whether threads read a file or its bytes come in chunks of any size;
- a changed bit, a byte more or less, parts in another order: each has another name;
- a name that could not be that of so many bytes is none.

Source: "Composite checksums", Checking object integrity, Amazon S3 User Guide.
"""

from __future__ import annotations

import os

from pytest_synebench.checkpoints.together import Together

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

PART_BYTES = 8 << 20  #: so a checkpoint of 200 MB keeps two processors equally busy
_CHUNK_BYTES = 1 << 18
_SMALL_CHUNK_BYTES = 1 << 16  #: which the heap has at hand, without new pages
_MOST_THREADS = 4
_DIGITS = frozenset("0123456789abcdef")
_NO_END = 1 << 62


class Digest:
    """The name of bytes that come one chunk after the other."""

    __slots__ = ("_part", "_parts", "_room")

    def __init__(self, like: str) -> None:
        """Begin.

        Args:
            like: a name of the same kind: that which the bytes should have.
        """
        self._parts: list[bytes] | None = [] if "-" in like else None
        self._part = _sha256()
        self._room = PART_BYTES

    def update(self, chunk: bytes | memoryview) -> None:
        """Take in what follows."""
        rest = memoryview(chunk)
        while self._parts is not None and len(rest) > self._room:
            self._part.update(rest[: self._room])
            self._parts.append(self._part.digest())
            rest = rest[self._room :]
            self._part, self._room = _sha256(), PART_BYTES
        self._part.update(rest)
        self._room -= len(rest)

    def name(self) -> str:
        """Return what the bytes are called that came so far."""
        if self._parts is None:
            return str(self._part.hexdigest())
        return joined([*self._parts, self._part.digest()])


def joined(parts: Iterable[bytes]) -> str:
    """Return the name of a file whose parts have these SHA-256s, in their order."""
    parts = list(parts)
    return f"{_sha256(b''.join(parts)).hexdigest()}-{len(parts)}"


def name_of(path: str) -> str:
    """Return what a file is called.

    Raises:
        OSError: it cannot be read.
    """
    if os.path.getsize(path) > PART_BYTES:
        return _of_parts(path)
    return _of_whole(path)


def is_called(path: str, name: str) -> bool:
    """Whether a file has the bytes that a name says; all of them are read.

    Raises:
        OSError: it cannot be read.
    """
    return name == (_of_parts(path) if "-" in name else _of_whole(path))


def is_name(name: object, size: int) -> bool:
    """Whether bytes of a size, >= 0, can be called so.

    >>> is_name("0" * 64, 5), is_name("0" * 64 + "-2", 5), is_name("0" * 64 + "-2", 9 << 20)
    (True, False, True)
    """
    if not isinstance(name, str):
        return False
    digits, hyphen, number = name.partition("-")
    fits = not hyphen or (size > PART_BYTES and number == str(parts_of(size)))
    return len(digits) == 64 and set(digits) <= _DIGITS and fits


def parts_of(size: int) -> int:
    """Return how many parts so many bytes have."""
    return -(-size // PART_BYTES)


def _of_whole(path: str) -> str:
    found = _sha256()
    buffer = bytearray(_SMALL_CHUNK_BYTES)
    view = memoryview(buffer)
    with open(path, "rb", buffering=0) as file:
        while read := file.readinto(buffer):
            found.update(view[:read])
    return str(found.hexdigest())


def _of_parts(path: str) -> str:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        count = max(1, parts_of(os.fstat(fd).st_size))
        found = [b""] * count

        def hash_part(number: int) -> None:
            at = number * PART_BYTES
            # The last one goes on to the end: what was appended meanwhile is a difference.
            found[number] = _of_range(fd, at, _NO_END if number == count - 1 else at + PART_BYTES)

        Together(hash_part, range(count), _processors() - 1).wait()
    finally:
        os.close(fd)
    return joined(found)


def _of_range(fd: int, at: int, end: int) -> bytes:
    found = _sha256()
    view = memoryview(bytearray(_CHUNK_BYTES))
    while read := os.preadv(fd, [view[: end - at]], at):
        found.update(view[:read])
        at += read
    return bytes(found.digest())


def _processors() -> int:
    able = getattr(os, "sched_getaffinity", None)
    there = len(able(0)) if able else os.cpu_count() or 1
    return min(_MOST_THREADS, there)


def _sha256(data: bytes = b"") -> Any:
    import hashlib

    return hashlib.sha256(data)
