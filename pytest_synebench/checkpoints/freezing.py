"""Takes a checkpoint out of a trial's reach while it is copied elsewhere.

Invariant (tests/experiment/keeping/test_copying.py): what was frozen stays as it was, whatever the
trial saves and removes meanwhile.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pytest_synebench.checkpoints import manifest

OUTBOX = "outbox"


def freeze(trial_directory: Path, attempt: int, level: int) -> Path | None:
    """Return a directory with a checkpoint's files that the trial does not touch; None: gone.

    Links cost nothing. The trial's side renames and removes, and a file that is written to all
    the same differs from its manifest, which the archive compares.
    """
    checkpoints = trial_directory / "checkpoints"
    frozen = trial_directory / OUTBOX / f"{attempt}-{level}"
    shutil.rmtree(frozen, ignore_errors=True)
    try:
        shutil.copytree(
            manifest.directory_of(str(checkpoints), level),
            frozen,
            symlinks=True,
            copy_function=_link_or_copy,
        )
    except (OSError, shutil.Error):
        # Two later ones were saved meanwhile, and this one went: they follow.
        shutil.rmtree(frozen, ignore_errors=True)
        return None
    return frozen


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target, follow_symlinks=False)
