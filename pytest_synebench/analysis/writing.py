"""Writes a file that was asked for by name, whole or not at all."""

from __future__ import annotations

from pathlib import Path

from pytest_synebench.durable import replace_file
from pytest_synebench.errors import UsageError


def write(path: Path, text: str) -> None:
    """Write a text, in a folder that is made if need be.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Half a surrogate pair, which a script may report, is no text.
        replace_file(path, text.encode(errors="replace"))
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}; name another file") from None
