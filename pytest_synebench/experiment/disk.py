"""What the disk refuses is one clear error of the run, whatever was being written.

Invariants (tests/faults/test_bad_disks.py):
- the text names the run, what was refused, the file where it is known, and the way on.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from pytest_synebench.errors import RunError


@contextlib.contextmanager
def disk_errors(directory: Path) -> Iterator[None]:
    """Turn what the disk refuses into one clear error.

    Raises:
        RunError: the disk refused something in the block.
    """
    try:
        yield
    except OSError as error:
        where = f": {os.fsdecode(error.filename)}" if error.filename else ""
        raise RunError(
            f"the run in {directory} cannot go on: {error.strerror or error}{where}. Nothing that "
            "was reported is lost: mend that, and go on with --synebench-resume"
        ) from error


@contextlib.contextmanager
def derived_errors(remark: Callable[[str], None]) -> Iterator[None]:
    """Say that what the journal has anyway could not be written beside it; the run is over."""
    try:
        yield
    except OSError as error:
        remark(
            f"results.csv.gz or metadata.json could not be written: {error.strerror}. The "
            "journal has it all: mend that, and --synebench-resume writes them"
        )
