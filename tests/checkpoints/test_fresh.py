"""One that was saved a moment ago is read again where something may have written to it, only."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_synebench.checkpoints import fresh, hashing, manifest, settled
from pytest_synebench.checkpoints.hashing import PART_BYTES
from pytest_synebench.checkpoints.local import LocalStore
from pytest_synebench.errors import CheckpointError

LONG = bytes(PART_BYTES + 1)


@pytest.fixture(autouse=True)
def disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the tests' own folder be taken for one of a disk, whatever it is."""
    monkeypatch.setattr(fresh, "_is_of_a_disk", lambda found: True)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Return one with a long and a short file."""

    def fill(path: str) -> None:
        (Path(path) / "deep").mkdir()
        (Path(path) / "deep" / "weights").write_bytes(LONG)
        (Path(path) / "state").write_bytes(b"bytes")

    manifest.save(str(tmp_path), 3, fill, 7)
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
    assert read == ["state"] * 2  # which is short
    assert found == LocalStore().newest(saved.parent, 3)
    assert sorted(read[2:]) == ["state", "weights"]


def write(path: Path) -> None:
    """Change a byte."""
    with path.open("r+b") as file:
        file.write(b"x")


def in_the_tick_of_the_save(path: Path) -> None:
    at_ns = (path.parent.parent / "manifest.json").stat().st_mtime_ns
    os.utime(path, ns=(at_ns, at_ns))


def behind_its_back(path: Path) -> None:
    """Leave the bytes' time as it was: the inode's tells."""
    os.utime(path, ns=(0, 0))


@pytest.mark.parametrize("touch", [lambda path: None, in_the_tick_of_the_save, behind_its_back])
def test_what_may_have_been_written_to_is_compared(
    saved: Path, touch: Callable[[Path], None]
) -> None:
    write(saved / "deep" / "weights")
    touch(saved / "deep" / "weights")
    with pytest.raises(CheckpointError, match="'deep/weights' was changed after it was saved"):
        fresh.verify(str(saved), 3)
    assert LocalStore().newest(saved.parent, 3, fresh=True) is None


def test_one_that_was_changed_in_the_tick_of_the_save_is_compared(
    saved: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tick = (saved / "manifest.json").stat().st_mtime_ns
    monkeypatch.setattr(fresh, "times_of", lambda path: (tick, tick))
    fresh.verify(str(saved), 3)
    monkeypatch.setattr(fresh, "times_of", lambda path: (tick - 1, tick - 1))
    fresh.verify(str(saved), 3)
    assert sorted(read) == ["state", "state", "weights"]


def test_one_that_is_written_to_after_it_was_hashed_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock goes on between all of it, so that only the order tells."""
    bytes_of, part = manifest._manifest_bytes, tmp_path / "c"

    def wait_for_a_tick() -> None:
        weights = next(part.glob(".part-*")) / "weights"
        settled.settle([str(weights)], str(tmp_path / "probe"))

    def written_to_meanwhile(*told: object) -> bytes:
        wait_for_a_tick()
        write(next(part.glob(".part-*")) / "weights")
        wait_for_a_tick()
        return bytes_of(*told)  # type: ignore[arg-type] # whatever it was called with

    monkeypatch.setattr(manifest, "_manifest_bytes", written_to_meanwhile)
    manifest.save(str(part), 3, lambda path: Path(path, "weights").write_bytes(LONG), 7)
    monkeypatch.undo()
    monkeypatch.setattr(fresh, "_is_of_a_disk", lambda found: True)
    with pytest.raises(CheckpointError, match="'weights' was changed after it was saved"):
        fresh.verify(str(part / "00000003"), 3)


def test_one_that_its_script_had_mapped_is_compared(tmp_path: Path, read: list[str]) -> None:
    kept: list[mmap.mmap] = []

    def fill(path: str) -> None:
        weights = Path(path, "weights")
        weights.write_bytes(LONG)
        with weights.open("r+b") as file:
            kept.append(mmap.mmap(file.fileno(), len(LONG)))

    manifest.save(str(tmp_path), 3, fill, 7)
    fresh.verify(str(tmp_path / "00000003"), 3)
    assert read == ["weights"]
    kept[0][5] = 1
    with pytest.raises(CheckpointError, match="'weights' was changed after it was saved"):
        fresh.verify(str(tmp_path / "00000003"), 3)
    kept[0].close()


def test_what_is_not_on_a_disk_is_compared(
    saved: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh, "_is_of_a_disk", lambda found: False)
    fresh.verify(str(saved), 3)
    assert sorted(read) == ["state", "weights"]


@pytest.mark.parametrize(("device", "is_one"), [(os.makedev(254, 0), True), (0x1A, False)])
def test_a_disk_has_a_number_of_its_own(
    monkeypatch: pytest.MonkeyPatch, device: int, is_one: bool
) -> None:
    monkeypatch.undo()
    found = os.stat_result((0o100644, 1, device, 1, 0, 0, 5, 0, 0, 0))
    assert fresh._is_of_a_disk(found) is is_one


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


def later(path: str) -> None:
    at_ns = Path(path).stat().st_mtime_ns + 3600 * 10**9
    os.utime(path, ns=(at_ns, at_ns))


def behind_the_back_of_mtime(path: str) -> None:
    was = Path(path).stat()
    while Path(path).stat().st_ctime_ns == was.st_ctime_ns:  # until the file system's clock goes on
        os.utime(path, ns=(was.st_mtime_ns, was.st_mtime_ns))


@pytest.mark.parametrize("touch", [later, behind_the_back_of_mtime])
def test_a_file_that_is_written_to_while_it_is_saved_makes_the_save_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, touch: Callable[[str], None]
) -> None:
    name_of = hashing.name_of

    def written_to_meanwhile(path: str) -> str:
        name = name_of(path)
        touch(path)
        return name

    monkeypatch.setattr(hashing, "name_of", written_to_meanwhile)
    with pytest.raises(CheckpointError, match="'state' was written to while it was saved"):
        manifest.save(str(tmp_path), 3, lambda path: Path(path, "state").write_bytes(b"x"))
    assert list(tmp_path.iterdir()) == []
