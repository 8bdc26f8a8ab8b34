"""Checkpoints on their way, one at a time."""

from __future__ import annotations

import select
from pathlib import Path

import pytest
from remote_jobs import orders

from pytest_synebench.checkpoints import manifest
from pytest_synebench.checkpoints.folder import FolderArchive
from pytest_synebench.checkpoints.freezing import freeze
from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.errors import StoreError
from pytest_synebench.testing.checkpoint_store_suite import make_checkpoint
from pytest_synebench.training.agent.keeper import Keeper
from pytest_synebench.training.agent.orders import Orders
from pytest_synebench.trial import TrialId


@pytest.fixture
def archive(tmp_path: Path) -> FolderArchive:
    return FolderArchive(tmp_path / "archive")


def keep(archive: FolderArchive, work: Path, attempt: int, level: int) -> str:
    """Save a checkpoint as an attempt would, and keep it; return its hash."""
    told = orders(attempt=attempt)
    make_checkpoint(work / "checkpoints", Place(TrialId(told.trial), attempt, level))
    frozen = freeze(work, attempt, level)
    assert frozen is not None
    keeper = Keeper(archive, told)
    keeper.keep(level, frozen)
    assert keeper.busy
    select.select([keeper], [], [])
    kept = keeper.take()
    assert (keeper.busy, kept.level, kept.problem) == (False, level, "")
    keeper.close()
    return kept.sha256


def restored(archive: FolderArchive, told: Orders, folder: Path) -> tuple[int, list[int]]:
    keeper = Keeper(archive, told)
    level, refused = keeper.restore(folder)
    keeper.close()
    assert refused == ()
    return level, manifest.levels(str(folder))


def test_the_attempts_own_come_first_then_what_is_known(
    archive: FolderArchive, tmp_path: Path
) -> None:
    early = keep(archive, tmp_path / "a", 0, 3)
    keep(archive, tmp_path / "a", 0, 9)
    known = [[0, 3, early]]
    told = orders(attempt=1, known=known)
    assert restored(archive, told, tmp_path / "one") == (3, [3])
    keep(archive, tmp_path / "b", 1, 5)
    assert restored(archive, told, tmp_path / "two") == (5, [5])
    assert restored(archive, orders(attempt=2), tmp_path / "three") == (0, [])


def test_what_is_refused_is_said_and_harms_nothing_else(
    archive: FolderArchive, tmp_path: Path
) -> None:
    place = Place(TrialId(1), 0, 3)
    saved = make_checkpoint(tmp_path / "checkpoints", place)
    for name in saved.iterdir():
        if name.is_file() and name.name != manifest.NAME:
            name.write_bytes(b"other")
    keeper = Keeper(archive, orders())
    frozen = freeze(tmp_path, 0, 3)
    assert frozen is not None
    keeper.keep(3, frozen)
    kept = keeper.take()
    assert kept.sha256 == ""
    assert "its manifest says" in kept.problem
    assert not frozen.exists()
    keeper.close()
    keeper.close()
    assert keep(archive, tmp_path / "next", 0, 3)


def test_a_store_that_cannot_be_used_is_raised(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    make_checkpoint(tmp_path / "checkpoints", Place(TrialId(1), 0, 3))
    frozen = freeze(tmp_path, 0, 3)
    assert frozen is not None
    keeper = Keeper(FolderArchive(tmp_path / "file"), orders())
    keeper.keep(3, frozen)
    with pytest.raises(StoreError):
        keeper.take()
    keeper.close()
