"""A checkpoint that was saved a moment ago: what nothing has written to since is not read again.

To save one is to read every byte of it again, and a file that is written to meanwhile fails it. So
at a pause the bytes are known, as long as their times say that nobody has touched them; those of
200 MB would take a processor a quarter of a second. Whoever loads them reads all of them anyway.

Invariants (tests/checkpoints/test_fresh.py holds each one):
- a short file is compared in any case: that costs nothing;
- where a long one, or its inode, was changed after it began to be hashed, or in the same tick of
  the clock, or where the script had it mapped then, every byte is compared;
- so is every byte where the file system is not a disk's: in memory, a mapping changes no time;
- a name, a size or a manifest that is not as it was saved is refused in any case.

A directory that was copied has times that mean nothing: for one there is ``manifest.verify``.
Why: docs/decisions/0025-when-a-checkpoint-is-read-again.md.
"""

from __future__ import annotations

import os

from pytest_synebench.checkpoints import manifest
from pytest_synebench.checkpoints.hashing import PART_BYTES
from pytest_synebench.checkpoints.settled import times_of
from pytest_synebench.errors import CheckpointError


def verify(directory: str, level: int) -> manifest.Manifest:
    """Return the manifest of a checkpoint that an attempt on this machine has just saved.

    Args:
        directory: the checkpoint's own directory.
        level: the level it must be of.

    Raises:
        CheckpointError: something differs; the text names the file and the difference.
    """
    told = manifest.outline(directory, level)
    try:
        touched = _touched(directory, told)
    except OSError as error:
        raise CheckpointError(f"it cannot be read: {error}") from None
    manifest.compare(directory, told, touched)
    return told


def _touched(directory: str, told: manifest.Manifest) -> list[str]:
    """Return the names of the files that something may have written to since they were hashed."""
    found = os.lstat(os.path.join(directory, manifest.NAME))
    if not _is_of_a_disk(found):
        return list(told.files)
    return [
        name
        for name, file in told.files.items()
        if file["size"] <= PART_BYTES
        or max(times_of(os.path.join(directory, name))) >= found.st_mtime_ns
    ]


def _is_of_a_disk(found: os.stat_result) -> bool:
    """Whether a file lies on a device of its own: not in memory, in a layer, or on a server."""
    return os.major(found.st_dev) != 0
