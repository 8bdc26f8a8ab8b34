"""A checkpoint that was saved a moment ago: what nothing has written to since is not read again.

To save one is to read every byte of it again, and a file that is written to meanwhile fails it. So
at a pause the bytes are known, as long as their times say that nobody has touched them; those of
200 MB would take a processor a quarter of a second. Whoever loads them reads all of them anyway.

Invariants (tests/checkpoints/test_fresh.py holds each one):
- where a file, or its inode, was changed after the manifest was written, or in the same tick of the
  clock, every byte is compared;
- a name, a size or a manifest that is not as it was saved is refused in any case.

A directory that was copied has times that mean nothing: for one there is ``manifest.verify``.
Why: docs/decisions/0025-when-a-checkpoint-is-read-again.md.
"""

from __future__ import annotations

import os

from pytest_synebench.checkpoints import manifest
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
        if _untouched(directory, told):
            return told
    except OSError as error:
        raise CheckpointError(f"it cannot be read: {error}") from None
    return manifest.verify(directory, level)


def _untouched(directory: str, told: manifest.Manifest) -> bool:
    saved_ns = os.lstat(os.path.join(directory, manifest.NAME)).st_mtime_ns
    found = [os.lstat(os.path.join(directory, name)) for name in told.files]
    return all(max(one.st_mtime_ns, one.st_ctime_ns) < saved_ns for one in found)
