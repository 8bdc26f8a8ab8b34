"""The store of checkpoints on this machine's disk.

Invariants (tests/checkpoints/test_local.py holds each one):
- a damaged checkpoint is passed over for the newest whole one before it;
- a checkpoint that no trial saved (a script run by hand) is never the trial's.
"""

from __future__ import annotations

from pathlib import Path

from pytest_synebench.checkpoints import manifest
from pytest_synebench.errors import CheckpointError
from pytest_synebench.trial import CheckpointRef, TrialId


class LocalStore:
    """Directories with manifests, as ``checkpoints/manifest.py`` writes them."""

    def newest(self, directory: Path, at_most: int | None) -> CheckpointRef | None:
        """Return the newest checkpoint that is whole, or None where there is none.

        Args:
            directory: of one trial's checkpoints; may be missing.
            at_most: highest level that counts; None: any.
        """
        for level in reversed(manifest.levels(str(directory))):
            if at_most is None or level <= at_most:
                found = _whole(str(directory), level)
                if found is not None:
                    return found
        return None

    def discard_beyond(self, directory: Path, level: int) -> None:
        """Remove every checkpoint later than ``level``; 0 removes all. May be repeated.

        Raises:
            CheckpointError: one could not be removed.
        """
        try:
            manifest.discard_beyond(str(directory), level)
        except OSError as error:
            raise CheckpointError(
                f"a checkpoint beyond level {level} in {directory} cannot be removed: {error}"
            ) from error


def _whole(directory: str, level: int) -> CheckpointRef | None:
    try:
        found = manifest.verify(manifest.directory_of(directory, level), level)
    except CheckpointError:
        return None
    if found.trial is None:
        return None
    return CheckpointRef(trial_id=TrialId(found.trial), level=level, sha256=found.sha256)
