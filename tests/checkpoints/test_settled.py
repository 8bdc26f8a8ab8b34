"""When a file's times will tell that it was written to, and when they may not."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_synebench.checkpoints import settled
from pytest_synebench.checkpoints.hashing import PART_BYTES

LONG = PART_BYTES + 1


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "weights"
    path.write_bytes(bytes(LONG))
    return path


def test_it_waits_until_the_clock_has_gone_on_since_the_last_change(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = max(settled.times_of(str(saved)))
    ticks = iter([changed - 1, changed, changed + 4_000_000, changed + 8_000_000])
    monkeypatch.setattr(settled, "_touched", lambda probe: next(ticks))
    found = settled.settle([str(saved)], str(saved.parent / "probe"))
    assert found == changed + 4_000_000


def test_what_is_written_once_it_has_settled_has_a_time_that_is_not_before(saved: Path) -> None:
    before = settled.times_of(str(saved))
    since = settled.settle([str(saved)], str(saved.parent / "probe"))
    assert since is not None
    assert max(before) < since
    with saved.open("r+b") as file:
        file.write(b"x")
    assert max(settled.times_of(str(saved))) >= since


def test_a_time_in_the_future_is_not_waited_for(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(saved, ns=(2**62, 2**62))
    monkeypatch.setattr(settled, "_TICK_S", 0.0)
    assert settled.settle([str(saved)], str(saved.parent / "probe")) == 0


def test_short_files_are_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(bytes(PART_BYTES))
    assert settled.settle([str(tmp_path / "state")], str(tmp_path / "probe")) is None
    assert not (tmp_path / "probe").exists()


@pytest.fixture
def mapped(saved: Path) -> Iterator[mmap.mmap]:
    with saved.open("r+b") as file, mmap.mmap(file.fileno(), LONG) as memory:
        yield memory


def test_a_file_that_is_mapped_to_be_written_to_is_found(mapped: mmap.mmap, saved: Path) -> None:
    assert settled.is_mapped(str(saved.parent))
    assert not settled.is_mapped(str(saved.parent / "weight"))


def test_one_that_is_read_through_memory_of_the_reader_is_not(saved: Path) -> None:
    with saved.open("rb") as file, mmap.mmap(file.fileno(), LONG, flags=mmap.MAP_PRIVATE):
        assert not settled.is_mapped(str(saved.parent))


def test_a_mapping_through_a_link_is_found(mapped: mmap.mmap, saved: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(saved.parent)
    assert settled.is_mapped(str(tmp_path / "elsewhere"))
