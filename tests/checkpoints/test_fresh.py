"""One that was saved a moment ago is read again where something may have written to it, only."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_synebench.checkpoints import fresh, hashing, manifest
from pytest_synebench.checkpoints.local import LocalStore
from pytest_synebench.errors import CheckpointError

HOUR_NS = 3600 * 10**9


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Return one whose manifest was written an hour after all of its files, by the clock."""

    def fill(path: str) -> None:
        (Path(path) / "deep").mkdir()
        for name in ("state", "deep/weights"):
            (Path(path) / name).write_bytes(b"bytes")

    manifest.save(str(tmp_path), 3, fill, 7)
    at_ns = (tmp_path / "00000003" / "state").stat().st_ctime_ns + HOUR_NS
    os.utime(tmp_path / "00000003" / "manifest.json", ns=(at_ns, at_ns))
    return tmp_path / "00000003"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the files whose bytes were compared."""
    out: list[str] = []
    is_called = hashing.is_called

    def noted(path: str, name: str) -> bool:
        out.append(Path(path).name)
        return is_called(path, name)

    monkeypatch.setattr(hashing, "is_called", noted)
    return out


def test_what_nothing_has_written_to_since_is_not_read_again(saved: Path, read: list[str]) -> None:
    assert fresh.verify(str(saved), 3).trial == 7
    found = LocalStore().newest(saved.parent, 3, fresh=True)
    assert read == []
    assert found == LocalStore().newest(saved.parent, 3)
    assert sorted(read) == ["state", "weights"]


def later(path: Path) -> None:
    at_ns = path.stat().st_mtime_ns + 2 * HOUR_NS
    os.utime(path, ns=(at_ns, at_ns))


def in_the_same_tick(path: Path) -> None:
    at_ns = (path.parent.parent / "manifest.json").stat().st_mtime_ns
    os.utime(path, ns=(at_ns, at_ns))


def behind_its_back(path: Path) -> None:
    """Leave the bytes' time as it was: the inode's tells."""
    manifest_file = path.parent.parent / "manifest.json"
    was = path.stat().st_mtime_ns
    os.utime(path, ns=(was, was))
    at_ns = path.stat().st_ctime_ns
    os.utime(manifest_file, ns=(at_ns, at_ns))


@pytest.mark.parametrize("touch", [later, in_the_same_tick, behind_its_back])
def test_what_may_have_been_written_to_is_compared(
    saved: Path, read: list[str], touch: Callable[[Path], None]
) -> None:
    (saved / "deep" / "weights").write_bytes(b"bitez")
    touch(saved / "deep" / "weights")
    with pytest.raises(CheckpointError, match="'deep/weights' was changed after it was saved"):
        fresh.verify(str(saved), 3)
    assert LocalStore().newest(saved.parent, 3, fresh=True) is None


def test_a_size_or_a_manifest_that_differs_is_refused_without_a_look_at_any_time(
    saved: Path, read: list[str]
) -> None:
    with pytest.raises(CheckpointError, match="its manifest is of level 3, not 9"):
        fresh.verify(str(saved), 9)
    was = (saved / "state").stat().st_mtime_ns
    (saved / "state").write_bytes(b"more bytes")
    os.utime(saved / "state", ns=(was, was))
    with pytest.raises(CheckpointError, match="'state' has 10 bytes, its manifest says 5"):
        fresh.verify(str(saved), 3)
    assert read == []


def test_a_file_that_is_written_to_while_it_is_saved_makes_the_save_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_of = hashing.name_of

    def written_to_meanwhile(path: str) -> str:
        name = name_of(path)
        later(Path(path))
        return name

    monkeypatch.setattr(hashing, "name_of", written_to_meanwhile)
    with pytest.raises(CheckpointError, match="'state' was written to while it was saved"):
        manifest.save(str(tmp_path), 3, lambda path: Path(path, "state").write_bytes(b"x"))
    assert list(tmp_path.iterdir()) == []
