"""An archive in a folder: of another disk, or one that machines share.

    <folder>/<experiment>/<trial, 8 digits>/<attempt, 6 digits>/<level, 8 digits>/…

Each is a checkpoint's directory as ``manifest`` writes it. Files are copied, not linked: what a
script does to its own must not reach what is kept.

Invariants (testing/checkpoint_store_suite.py and checkpoint_collection_suite.py hold each one):
- a checkpoint gets its name last, once every byte was compared, and loses it first;
- other bytes at the same place are an error, and stay.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from pytest_synebench.checkpoints import manifest
from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.checkpoints.together import sync_tree
from pytest_synebench.durable import replace_file, sync_directory
from pytest_synebench.errors import CheckpointError, StoreError
from pytest_synebench.trial import CheckpointRef, TrialId

_PART = ".part-"
_CONTROLLER = "controller"


class FolderArchive:
    """Keeps the checkpoints of one experiment in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: set[str] = set()  #: that threads of ours are working in

    def keep(self, checkpoint: Path, place: Place) -> CheckpointRef:
        """Copy a checkpoint; when this returns, all of it is kept, and was compared.

        Raises:
            CheckpointError: it is not whole, or other bytes are kept at this place.
            StoreError: the folder cannot be written.
        """
        # Its bytes are compared where they are copied to: so they are read here once.
        told = manifest.outline(str(checkpoint), place.level, place.trial_id)

        def fill(part: Path) -> None:
            _copy(checkpoint, part)
            sync_tree(str(part))
            kept = manifest.verify(str(part), place.level, place.trial_id)
            if kept.sha256 != told.sha256:
                raise CheckpointError(f"{checkpoint} was changed while it was copied")

        self._make(place, told.sha256, fill)
        return _ref(told, place)

    def copy(self, source: Place, target: Place, sha256: str) -> CheckpointRef:
        """Keep what is kept already as another trial's checkpoint: links, where there are any.

        Raises:
            CheckpointError: there is no such checkpoint, or other bytes are kept at ``target``.
            StoreError: the folder cannot be written.
        """
        kept = self._path(source)
        told = manifest.verify(str(kept), source.level, source.trial_id)
        if told.sha256 != sha256:
            raise CheckpointError(f"its manifest is {told.sha256[:12]}…, not {sha256[:12]}…")
        data = manifest.bytes_for(told, target.trial_id)

        def fill(part: Path) -> None:
            shutil.copytree(kept, part, symlinks=True, copy_function=_link)
            (part / manifest.NAME).unlink()
            (part / manifest.NAME).write_bytes(data)
            sync_tree(str(part))

        copied = manifest.parse(data)
        self._make(target, copied.sha256, fill)
        return _ref(copied, target)

    def find(self, trial_id: TrialId | None = None) -> list[Place]:
        """Return where checkpoints of a trial, or of all, seem to be kept, newest history first."""
        which = "[0-9]*" if trial_id is None else f"{trial_id:08d}"
        places = [
            Place(TrialId(int(attempt.parent.name)), int(attempt.name), level)
            for attempt in self._folder.glob(f"{which}/[0-9]*")
            if attempt.parent.name.isdecimal() and attempt.name.isdecimal()
            for level in manifest.levels(str(attempt))
        ]
        return sorted(places, key=lambda place: (-place.trial_id, place.age), reverse=True)

    def restore(self, place: Place, checkpoints: Path, sha256: str | None = None) -> CheckpointRef:
        """Bring a checkpoint back; when this returns, it is whole, and on this machine's disk.

        Raises:
            CheckpointError: there is none, or not as it was kept; nothing is left of it here.
        """
        source = self._path(place)
        # Before a byte of it is written here: what is no checkpoint may be of any size.
        told = manifest.outline(str(source), place.level, place.trial_id)
        if sha256 is not None and told.sha256 != sha256:
            raise CheckpointError(f"its manifest is {told.sha256[:12]}…, not {sha256[:12]}…")

        def fill(part: str) -> None:
            Path(part).rmdir()
            _copy(source, Path(part))
            if manifest.verify(part, place.level, place.trial_id).sha256 != told.sha256:
                raise CheckpointError(f"{source} was changed while it was copied")

        try:
            manifest.install(str(checkpoints), place.level, fill)
        except OSError as error:
            raise CheckpointError(f"{source} cannot be brought back: {error}") from error
        return _ref(told, place)

    def remove(self, place: Place) -> None:
        """Have no checkpoint at a place.

        Raises:
            StoreError: the folder cannot be written.
        """
        kept, gone = self._path(place), self._new_part()
        try:
            # Renamed first: a directory half removed must not look like a damaged checkpoint.
            kept.rename(gone)
            sync_directory(kept.parent)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be written: {error}") from error
        finally:
            self._drop(gone)

    def collect(
        self,
        known: Iterable[Place] = (),  # noqa: ARG002 - nothing is shared
        grace_s: float = 0.0,
    ) -> None:
        """Remove what was left half done: each checkpoint here has bytes of its own."""
        now_s = self._now_s() if grace_s else 0.0
        for part in self._folder.glob(f"{_PART}*"):
            with contextlib.suppress(FileNotFoundError):
                if part.name in self._parts or now_s - part.stat().st_mtime < grace_s > 0:
                    continue
                shutil.rmtree(part, ignore_errors=True)

    def claim(self, who: str) -> str:
        """Write down who keeps checkpoints here now; return who did before, "" for nobody.

        Raises:
            StoreError: the folder cannot be written.
        """
        before = self.claimant()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            replace_file(self._folder / _CONTROLLER, who.encode())
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be written: {error}") from error
        return before

    def claimant(self) -> str:
        """Return who has claimed it last, "" for nobody.

        Raises:
            StoreError: the folder cannot be read.
        """
        try:
            return (self._folder / _CONTROLLER).read_bytes().decode(errors="replace")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be read: {error}") from error

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

    def _make(self, place: Place, sha256: str, fill: Callable[[Path], None]) -> None:
        """Make a checkpoint aside, and give it its name last."""
        target, part = self._path(place), self._new_part()
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            fill(part)
            self._publish(part, target, sha256, place)
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be written: {error}") from error
        finally:
            self._drop(part)

    def _new_part(self) -> Path:
        name = f"{_PART}{secrets.token_hex(8)}"
        self._parts.add(name)
        return self._folder / name

    def _drop(self, part: Path) -> None:
        shutil.rmtree(part, ignore_errors=True)
        self._parts.discard(part.name)

    def _now_s(self) -> float:
        """Return the time by the clock of whoever serves the folder."""
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=_PART) as probe:
            return os.fstat(probe.fileno()).st_mtime

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
    """Copy a directory of regular files; links in it are not followed."""
    shutil.copytree(source, target, symlinks=True, copy_function=shutil.copyfile)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # a file system without links
        shutil.copyfile(source, target, follow_symlinks=False)


def _ref(told: manifest.Manifest, place: Place) -> CheckpointRef:
    return CheckpointRef(trial_id=place.trial_id, level=place.level, sha256=told.sha256)
