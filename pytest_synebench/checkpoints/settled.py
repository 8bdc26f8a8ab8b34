"""Whether the times of a file that was saved will tell that it was written to afterwards.

A file system's clock ticks every few milliseconds, so of two writes in one tick the second leaves
no trace; nor does one through a mapping whose page was dirty before. Standard library only: this
file travels into every trial.

Invariants (tests/checkpoints/test_settled.py holds each one):
- what is written from the moment that ``settle`` returns has another time than what was before;
- a file that this process has mapped to write to it is found.

Source of what a mapping does to times: mmap(2), inode(7).
"""

from __future__ import annotations

import os
import time

from pytest_synebench.checkpoints.hashing import PART_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_LOOKS = 100  #: a clock that does not tick, or a time in the future: no reason to wait on
_TICK_S = 0.001


def times_of(path: str) -> tuple[int, int]:
    """Return when a file's bytes, and its inode, were last changed, in nanoseconds."""
    found = os.stat(path)
    return found.st_mtime_ns, found.st_ctime_ns


def settle(paths: Iterable[str], probe: str) -> int | None:
    """Wait until the file system's clock has gone on since long files were last changed.

    Args:
        paths: of all files that are saved.
        probe: of a file beside them that is made, or touched.

    Returns:
        Its time now, in nanoseconds; 0: it does not go on; None: none of the files is long.
    """
    long = [path for path in paths if os.path.getsize(path) > PART_BYTES]
    if not long:
        return None
    open(probe, "ab").close()
    newest = max(max(times_of(path)) for path in long)
    for _ in range(_MOST_LOOKS):
        now = _touched(probe)
        if now > newest:
            return now
        time.sleep(_TICK_S)
    return 0


def tell(probe: str, since_ns: int | None) -> None:
    """Give a file the time since when the others beside it would have another one; 0: never."""
    if since_ns is not None:
        told_ns = 0 if is_mapped(os.path.dirname(probe)) else since_ns
        os.utime(probe, ns=(told_ns, told_ns))


def _touched(probe: str) -> int:
    os.utime(probe)
    return os.stat(probe).st_mtime_ns


def is_mapped(directory: str) -> bool:
    """Whether this process can write to a file below a directory through memory, or may be."""
    below = os.fsencode(os.path.realpath(directory) + os.sep)
    try:
        with open("/proc/self/maps", "rb") as lines:
            # address perms offset device inode path: "rw-s" is shared with the file.
            return any(below in line and b"s" in line.split(maxsplit=2)[1] for line in lines)
    except OSError:
        return True
