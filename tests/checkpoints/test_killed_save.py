"""A save that is killed, at every step that reaches the disk."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_synebench.checkpoints import manifest
from pytest_synebench.errors import CheckpointError

KILLED = 9
# One process forks a child per step: starting Python 60 times would take most of the time.
SCRIPT = """
import itertools, os, shutil, sys
from pytest_synebench.checkpoints import manifest
import json, hashlib

def fill(path):
    os.mkdir(os.path.join(path, "deep"))
    for name in ("a", "deep/b"):
        with open(os.path.join(path, name), "w") as file:
            file.write(path)

def die_at(step):
    steps = itertools.count()  # of several threads
    def counting(real):
        def call(*args, **options):
            if next(steps) == step:
                os._exit({killed})
            return real(*args, **options)
        return call
    for name in ("fsync", "rename", "replace", "mkdir", "unlink", "rmdir"):
        setattr(os, name, counting(getattr(os, name)))

top, levels, level = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
for step in range(1000):
    store = os.path.join(top, str(step))
    child = os.fork()
    if child == 0:
        for earlier in levels:
            manifest.save(store, earlier, fill)
        die_at(step)
        manifest.save(store, level, fill)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == 0:
        break
    assert code == {killed}, code
print(step)
"""


def states(tmp_path: Path, levels: list[int], level: int) -> list[Path]:
    """Return the store as a kill before each step of saving ``level`` left it."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            SCRIPT.format(killed=KILLED),
            str(tmp_path),
            str(levels),
            str(level),
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [tmp_path / str(step) for step in range(int(done.stdout))]


def whole(store: Path) -> list[int]:
    """Return the levels there are; each must be good: a directory with a level's name is."""
    for level in manifest.levels(str(store)):
        manifest.verify(str(store / f"{level:08d}"), level)
    return manifest.levels(str(store))


def fill(path: str) -> None:
    (Path(path) / "state").write_text("next")


@pytest.mark.parametrize(
    ("levels", "level", "sure"),
    [([1, 3], 9, 3), ([3], 9, 3), ([3, 9], 4, 3), ([1, 3], 3, 1)],
    ids=["third generation", "second", "one behind a later one", "same level again"],
)
def test_the_generation_before_survives_a_kill_at_every_step(
    tmp_path: Path, levels: list[int], level: int, sure: int
) -> None:
    stores = states(tmp_path, levels, level)
    assert len(stores) > 8, "the steps were not counted"
    outcomes = [whole(store) for store in stores]
    assert all(sure in outcome for outcome in outcomes), outcomes
    assert level in outcomes[-1]

    for store in stores:
        manifest.save(str(store), level + 1, fill)
        assert not [name for name in os.listdir(store) if name.startswith(".part-")]  # noqa: PTH208
        assert whole(store)[-1] == level + 1


def test_all_is_on_disk_before_the_name_is_given_and_the_name_before_the_save_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "checkpoints"
    log: list[str] = []
    fsync, rename = os.fsync, os.rename

    def logged_fsync(fd: int) -> None:
        path = Path(f"/proc/self/fd/{fd}").readlink()
        log.append(f"fsync {path.relative_to(tmp_path)}")
        fsync(fd)

    def logged_rename(old: str, new: str) -> None:
        log.append(f"rename {Path(old).relative_to(tmp_path)}")
        rename(old, new)

    def filled(path: str) -> None:
        (Path(path) / "deep").mkdir()
        (Path(path) / "deep" / "weights").write_text("w")

    monkeypatch.setattr(os, "fsync", logged_fsync)
    monkeypatch.setattr(os, "rename", logged_rename)
    manifest.save(str(store), 3, filled)

    part = f"checkpoints/.part-00000003-{os.getpid()}"
    assert log[-2:] == [f"rename {part}", "fsync checkpoints"]
    assert sorted(log[:-2]) == [  # in threads: in any order
        "fsync .",
        f"fsync {part}",
        f"fsync {part}/deep",
        f"fsync {part}/deep/weights",
        f"fsync {part}/manifest.json",
    ]


def test_the_names_of_all_directories_that_are_made_are_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[Path] = []
    fsync = os.fsync

    def logged(fd: int) -> None:
        log.append(Path(f"/proc/self/fd/{fd}").readlink())
        fsync(fd)

    monkeypatch.setattr(os, "fsync", logged)
    manifest.save(str(tmp_path / "a" / "b" / "c"), 3, fill)
    assert {tmp_path, tmp_path / "a", tmp_path / "a" / "b"} <= {*log}


@pytest.mark.parametrize("which", ["deep/weights", "deep", "manifest.json", ".", "../.."])
def test_where_the_disk_refuses_one_of_them_nothing_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    store = tmp_path / "checkpoints"
    refused = os.path.normpath(store / f".part-00000003-{os.getpid()}" / which)
    fsync = os.fsync

    def filled(path: str) -> None:
        (Path(path) / "deep").mkdir()
        (Path(path) / "deep" / "weights").write_text("w")

    def refusing(fd: int) -> None:
        if str(Path(f"/proc/self/fd/{fd}").readlink()) == refused:
            raise OSError(errno.EIO, "Input/output error")
        fsync(fd)

    monkeypatch.setattr(os, "fsync", refusing)
    with pytest.raises(CheckpointError, match="Input/output error"):
        manifest.save(str(store), 3, filled)
    assert list(store.iterdir()) == []
