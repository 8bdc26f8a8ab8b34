"""The store of checkpoints on this machine's disk.

Invariants (tests/checkpoints/test_local.py holds each one):
- a damaged checkpoint is passed over for the newest whole one before it;
- one that was saved a moment ago is not read again where nothing has written to it since, and is
  read whole where something may have;
- a checkpoint that no trial saved (a script run by hand) is never the trial's;
- an adopted checkpoint is whole, the new trial's, and outlives the one it came from; what was there
  before it is gone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeAlias

from pytest_synebench.checkpoints import fresh as saved_now
from pytest_synebench.checkpoints import manifest
from pytest_synebench.errors import CheckpointError
from pytest_synebench.trial import CheckpointRef, TrialId

_Verify: TypeAlias = Callable[[str, int], manifest.Manifest]


class LocalStore:
    """Directories with manifests, as ``checkpoints/manifest.py`` writes them."""

    def newest(
        self, directory: Path, at_most: int | None, *, fresh: bool = False
    ) -> CheckpointRef | None:
        """Return the newest checkpoint that is whole, or None where there is none.

        Args:
            directory: of one trial's checkpoints; may be missing.
            at_most: highest level that counts; None: any.
            fresh: whether an attempt on this machine has saved it a moment ago.
        """
        found = _newest(str(directory), at_most, saved_now.verify if fresh else manifest.verify)
        return None if found is None else _ref(found)

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

    def retain(self, directory: Path, levels: Collection[int]) -> None:
        """Remove the checkpoints of other levels, and what a killed removal left. May be repeated.

        Args:
            directory: of one trial's checkpoints, whose processes are gone; may be missing.
            levels: that stay.

        Raises:
            CheckpointError: one could not be removed.
        """
        try:
            manifest.retain(str(directory), levels)
        except OSError as error:
            raise CheckpointError(
                f"a checkpoint in {directory} cannot be removed: {error}"
            ) from error

    def adopt(
        self, source: Path, target: Path, at_most: int, trial_id: TrialId
    ) -> CheckpointRef | None:
        """Give a trial the newest whole checkpoint of another one as its own, and no other.

        The files are hard links where the file system has them: nothing writes into a checkpoint.

        Args:
            source: directory of the other trial's checkpoints; may be missing.
            target: directory of the trial's own; made if missing.
            at_most: highest level that counts.
            trial_id: the trial whose own it becomes.

        Returns:
            The other trial's checkpoint; None: it has none that is whole, and ``target`` none.

        Raises:
            CheckpointError: it could not be copied.
        """
        self.discard_beyond(target, 0)
        found = _newest(str(source), at_most, manifest.verify)
        if found is None:
            return None
        saved = Path(manifest.directory_of(str(source), found.level))
        try:
            # It was read and compared a moment ago: what vouches for it there does so here.
            manifest.install(
                str(target), found.level, lambda part: _link(saved, Path(part), found, trial_id)
            )
        except OSError as error:
            raise CheckpointError(f"{saved} cannot be copied to {target}: {error}") from error
        return _ref(found)


def _link(saved: Path, part: Path, told: manifest.Manifest, trial_id: TrialId) -> None:
    for name in told.files:
        (part / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(saved / name, part / name)
        except OSError:  # another file system, or one without links
            shutil.copyfile(saved / name, part / name)
    (part / manifest.NAME).write_bytes(manifest.bytes_for(told, trial_id))


def _newest(directory: str, at_most: int | None, verify: _Verify) -> manifest.Manifest | None:
    for level in reversed(manifest.levels(directory)):
        if at_most is None or level <= at_most:
            with contextlib.suppress(CheckpointError):
                found = verify(manifest.directory_of(directory, level), level)
                if found.trial is not None:
                    return found
    return None


def _ref(found: manifest.Manifest) -> CheckpointRef:
    return CheckpointRef(trial_id=TrialId(found.trial or 0), level=found.level, sha256=found.sha256)
