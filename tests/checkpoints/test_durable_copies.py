"""What is copied is on the disk before it gets its name, and the name before the copy returns."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_synebench.checkpoints import manifest
from pytest_synebench.checkpoints.folder import FolderArchive
from pytest_synebench.checkpoints.local import LocalStore
from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.testing.checkpoint_store_suite import FILES, make_checkpoint
from pytest_synebench.trial import TrialId

PLACE = Place(TrialId(1), 0, 3)
OTHER = Place(TrialId(2), 0, 3)


def keep(folder: Path) -> None:
    FolderArchive(folder / "empty").keep(folder / "here" / "00000003", PLACE)


def copy(folder: Path) -> None:
    sha256 = manifest.verify(str(folder / "here" / "00000003"), 3).sha256
    FolderArchive(folder / "archive").copy(PLACE, OTHER, sha256)


def restore(folder: Path) -> None:
    FolderArchive(folder / "archive").restore(PLACE, folder / "there")


def adopt(folder: Path) -> None:
    LocalStore().adopt(folder / "here", folder / "there", 3, TrialId(2))


@pytest.mark.parametrize("verb", [keep, copy, restore, adopt])
def test_all_of_it_is_on_the_disk_before_it_gets_its_name_and_the_name_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: Callable[[Path], None]
) -> None:
    FolderArchive(tmp_path / "archive").keep(make_checkpoint(tmp_path / "here", PLACE), PLACE)
    fsync, rename = os.fsync, os.rename
    synced: set[Path] = set()
    missed: list[Path] = []
    named: list[Path] = []

    def logged_fsync(fd: int) -> None:
        synced.add(Path(f"/proc/self/fd/{fd}").readlink())
        fsync(fd)

    def logged_rename(old: str | Path, new: str | Path) -> None:
        everything = {Path(old), *Path(old).rglob("*")}
        missed.extend(everything - synced)
        named.append(Path(new))
        assert len(everything) > len(FILES)
        rename(old, new)
        synced.clear()

    monkeypatch.setattr(os, "fsync", logged_fsync)
    monkeypatch.setattr(os, "rename", logged_rename)
    verb(tmp_path)
    assert missed == []
    assert [path.name for path in named] == ["00000003"]
    assert named[0].parent in synced
