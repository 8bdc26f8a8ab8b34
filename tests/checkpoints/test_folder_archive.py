"""The archive in a folder passes the suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_synebench.checkpoints.folder import FolderArchive
from pytest_synebench.checkpoints.protocol import CheckpointArchive, Place
from pytest_synebench.errors import CheckpointError, StoreError
from pytest_synebench.testing.checkpoint_collection_suite import CheckpointCollectionSuite, Stored
from pytest_synebench.testing.checkpoint_store_suite import (
    Archives,
    CheckpointArchiveSuite,
    make_checkpoint,
)
from pytest_synebench.trial import TrialId

PLACE = Place(TrialId(1), 0, 3)


class TestFolderArchive(CheckpointArchiveSuite):
    @pytest.fixture
    def archives(self, tmp_path: Path) -> Archives:
        return lambda experiment: FolderArchive(tmp_path / "archive" / experiment)


class TestFolderCollection(CheckpointCollectionSuite):
    @pytest.fixture
    def archives(self, tmp_path: Path) -> Archives:
        return lambda experiment: FolderArchive(tmp_path / "archive" / experiment)

    @pytest.fixture
    def stored(self, tmp_path: Path) -> Stored:
        def files(experiment: str) -> set[bytes]:
            found = (tmp_path / "archive" / experiment).rglob("*/*")
            ours = {"manifest.json", "controller"}
            return {p.read_bytes() for p in found if p.is_file() and p.name not in ours}

        return files

    def leave_half_a_keep(self, archive: CheckpointArchive, folder: Path) -> None:
        part = folder / "archive/one/.part-abc"
        part.mkdir()
        (part / "own").write_bytes(b"half")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    FolderArchive(tmp_path / "archive").keep(make_checkpoint(tmp_path / "here", PLACE), PLACE)
    return tmp_path / "archive/00000001/000000/00000003"


def test_a_changed_byte_is_refused_by_name_and_nothing_is_left(kept: Path, tmp_path: Path) -> None:
    (kept / "state.json").write_bytes(b'{"epoch": 4}')
    with pytest.raises(CheckpointError, match=r"'state.json' was changed"):
        FolderArchive(tmp_path / "archive").restore(PLACE, tmp_path / "there")
    assert list((tmp_path / "there").iterdir()) == []


def test_a_link_out_of_it_is_refused(kept: Path, tmp_path: Path) -> None:
    (kept / "state.json").unlink()
    (kept / "state.json").symlink_to("/etc/hostname")
    with pytest.raises(CheckpointError, match=r"'state.json' is a symbolic link"):
        FolderArchive(tmp_path / "archive").restore(PLACE, tmp_path / "there")


def test_what_is_no_checkpoint_is_refused_before_a_byte_of_it_is_copied(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    monkeypatch.setattr("shutil.copytree", lambda *_args, **_options: copied.append("all of it"))
    os.truncate(kept / "state.json", 1 << 40)  # a TiB, of which the disk has none
    archive = FolderArchive(tmp_path / "archive")
    with pytest.raises(CheckpointError, match=r"'state.json' has 1099511627776 bytes, its manif"):
        archive.restore(PLACE, tmp_path / "there")
    (kept / "state.json").unlink()
    with pytest.raises(CheckpointError, match=r"'state.json' is in the manifest but not in the"):
        archive.restore(PLACE, tmp_path / "there")
    (kept / "manifest.json").write_bytes(b"[" * ((8 << 20) + 1))
    with pytest.raises(CheckpointError, match="has more than 8388608 bytes, which are not read"):
        archive.restore(PLACE, tmp_path / "there")
    assert copied == []
    assert not (tmp_path / "there").exists()


def test_what_a_killed_keep_left_is_collected(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "archive/.part-abc").mkdir()
    FolderArchive(tmp_path / "archive").collect()
    assert sorted(os.listdir(tmp_path / "archive")) == ["00000001"]  # noqa: PTH208


def test_a_folder_that_cannot_be_written_is_told_before_anything_depends_on_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="make it writable, or name another folder"):
        FolderArchive(tmp_path / "file" / "archive").preflight()
