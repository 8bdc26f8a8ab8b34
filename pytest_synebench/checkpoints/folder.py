"""An archive in a folder: of another disk, or one that machines share.

    <folder>/<experiment>/<trial, 8 digits>/<attempt, 6 digits>/<level, 8 digits>/…

Each is a checkpoint's directory as ``manifest`` writes it. Files are copied, not linked: what a
script does to its own must not reach what is kept.

Invariants (testing/checkpoint_store_suite.py holds each one):
- a checkpoint gets its name last, once every byte was compared;
- other bytes at the same place are an error, and stay.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path

from pytest_synebench.checkpoints import manifest
from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.durable import sync_directory, sync_file
from pytest_synebench.errors import CheckpointError, StoreError
from pytest_synebench.trial import CheckpointRef, TrialId

_PART = ".part-"


class FolderArchive:
    """Keeps the checkpoints of one experiment in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, checkpoint: Path, place: Place) -> CheckpointRef:
        """Copy a checkpoint; when this returns, all of it is kept, and was compared.

        Raises:
            CheckpointError: it is not whole, or other bytes are kept at this place.
            StoreError: the folder cannot be written.
        """
        target = self._path(place)
        told = manifest.verify(str(checkpoint), place.level, place.trial_id)
        part = self._folder / f"{_PART}{secrets.token_hex(8)}"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(checkpoint, part)
            kept = manifest.verify(str(part), place.level, place.trial_id)
            if kept.sha256 != told.sha256:
                raise CheckpointError(f"{checkpoint} was changed while it was copied")
            self._publish(part, target, told.sha256, place)
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be written: {error}") from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return _ref(told, place)

    def find(self, trial_id: TrialId) -> list[Place]:
        """Return where checkpoints of a trial seem to be kept, newest history first."""
        places = [
            Place(trial_id, int(attempt.name), level)
            for attempt in (self._folder / f"{trial_id:08d}").glob("[0-9]*")
            for level in manifest.levels(str(attempt))
        ]
        return sorted(places, key=lambda place: place.age, reverse=True)

    def restore(self, place: Place, checkpoints: Path, sha256: str | None = None) -> CheckpointRef:
        """Bring a checkpoint back; when this returns, it is whole, and on this machine's disk.

        Raises:
            CheckpointError: there is none, or not as it was kept; nothing is left of it here.
        """
        source = self._path(place)
        found: list[manifest.Manifest] = []

        def fill(part: str) -> None:
            Path(part).rmdir()
            _copy(source, Path(part))
            found.append(manifest.verify(part, place.level, place.trial_id))
            if sha256 is not None and (other := found[0].sha256) != sha256:
                raise CheckpointError(f"its manifest is {other[:12]}…, not {sha256[:12]}…")

        try:
            manifest.install(str(checkpoints), place.level, fill)
        except OSError as error:
            raise CheckpointError(f"{source} cannot be brought back: {error}") from error
        return _ref(found[0], place)

    def collect(self) -> None:
        """Remove what a keep that was killed has left half done."""
        for part in self._folder.glob(f"{_PART}*"):
            shutil.rmtree(part, ignore_errors=True)

    def preflight(self) -> None:
        """Write, read and delete.

        Raises:
            StoreError: one of them failed.
        """
        data = secrets.token_bytes(16)
        probe = self._folder / f"probe-{data.hex()}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(data)
            same = probe.read_bytes() == data
            probe.unlink()
        except OSError as error:
            raise StoreError(
                f"{self._folder}: {error.strerror or error}; make it writable, or name another "
                "folder in --checkpoint_store"
            ) from error
        if not same:
            raise StoreError(f"{self._folder}: what was written comes back as other bytes")

    def close(self) -> None:
        """Nothing waits."""

    def _path(self, place: Place) -> Path:
        attempt = self._folder / f"{place.trial_id:08d}" / f"{place.attempt:06d}"
        return attempt / f"{place.level:08d}"

    def _publish(self, part: Path, target: Path, sha256: str, place: Place) -> None:
        try:
            part.rename(target)  # onto a directory with files in it, it fails
        except OSError:
            if not target.is_dir():
                raise
            if manifest.verify(str(target), place.level, place.trial_id).sha256 != sha256:
                raise CheckpointError(
                    f"another checkpoint is kept as {target}; it stays. Two controllers write one "
                    "experiment, or a history was begun anew"
                ) from None
        for folder in (target.parent, target.parent.parent, self._folder):
            sync_directory(folder)


def _copy(source: Path, target: Path) -> None:
    """Copy a directory of regular files, durably; links in it are not followed."""
    shutil.copytree(source, target, symlinks=True, copy_function=shutil.copyfile)
    for folder, _, names in os.walk(target):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # a link to nothing; refused later
                sync_file(Path(folder, name))
        sync_directory(folder)


def _ref(told: manifest.Manifest, place: Place) -> CheckpointRef:
    return CheckpointRef(trial_id=place.trial_id, level=place.level, sha256=told.sha256)
