"""Which names and sizes a manifest from outside may have.

A manifest in a store may have been written by anybody: its names become paths here, its sizes
become bytes on this disk.

Invariants (tests/checkpoints/test_names.py):
- no name leads out of the checkpoint's directory, onto a file of ours, or onto another name;
- a hash is 64 hexadecimal digits, a size is an integer from 0 up.
"""

from __future__ import annotations

import re

from pytest_synebench.checkpoints.manifest import NAME, Manifest
from pytest_synebench.errors import CheckpointError

_SHA256 = re.compile("[0-9a-f]{64}")


def check(manifest: Manifest) -> None:
    """Refuse a manifest whose files must not be written.

    Raises:
        CheckpointError: with the name and the rule.
    """
    for name, told in manifest.files.items():
        _check_name(name)
        if not isinstance(told, dict) or not _is_size(told.get("size")):
            raise CheckpointError(f"{name!r} has no size in its manifest")
        sha256 = told.get("sha256")
        if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
            raise CheckpointError(f"{name!r} has no SHA-256 in its manifest")
    folders = {name[:at] for name in manifest.files for at, c in enumerate(name) if c == "/"}
    for name in sorted(folders & manifest.files.keys()):
        raise CheckpointError(f"{name!r} is a file and a folder in its manifest")


def _check_name(name: str) -> None:
    if any(part in {"", ".", ".."} for part in name.split("/")) or "\0" in name:
        raise CheckpointError(f"{name!r} leads out of the checkpoint's directory")
    if name == NAME:
        raise CheckpointError(f"{name!r} is our own file's name")


def _is_size(size: object) -> bool:
    return type(size) is int and size >= 0
