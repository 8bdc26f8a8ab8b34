"""Which names and sizes a manifest may have.

A manifest may have been written by anybody: its names become paths here, its sizes become bytes on
this disk. Standard library only: this file travels into every trial.

Invariants (tests/checkpoints/test_names.py):
- no name leads out of the checkpoint's directory, onto a file of ours, or onto another name;
- a size is an integer from 0 up, a hash is one that so many bytes can have.
"""

from __future__ import annotations

from pytest_synebench.checkpoints.hashing import is_name
from pytest_synebench.errors import CheckpointError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "manifest.json"  #: our own file's


def check(files: Mapping[str, object]) -> None:
    """Refuse a manifest whose files must not be read or written.

    Args:
        files: what it says of each, by name.

    Raises:
        CheckpointError: with the name and the rule.
    """
    for name, told in files.items():
        _check_name(name)
        size = told.get("size") if isinstance(told, dict) else None
        if type(size) is not int or size < 0:
            raise CheckpointError(f"{name!r} has no size in its manifest")
        if not isinstance(told, dict) or not is_name(told.get("sha256"), size):
            raise CheckpointError(f"{name!r} has no SHA-256 in its manifest")
    folders = {name[:at] for name in files for at, c in enumerate(name) if c == "/"}
    for name in sorted(folders & files.keys()):
        raise CheckpointError(f"{name!r} is a file and a folder in its manifest")


def _check_name(name: str) -> None:
    if any(part in {"", ".", ".."} for part in name.split("/")) or "\0" in name:
        raise CheckpointError(f"{name!r} leads out of the checkpoint's directory")
    if name == NAME:
        raise CheckpointError(f"{name!r} is our own file's name; give yours another")
