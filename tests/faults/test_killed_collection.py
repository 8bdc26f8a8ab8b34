"""Removals, collections and copies that are killed, at each step that reaches disk or bucket."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from s3_service import Service

from pytest_synebench.checkpoints import manifest
from pytest_synebench.checkpoints.folder import FolderArchive
from pytest_synebench.checkpoints.local import LocalStore
from pytest_synebench.checkpoints.protocol import CheckpointArchive, Place
from pytest_synebench.checkpoints.s3.archive import S3Archive
from pytest_synebench.testing.checkpoint_store_suite import content, make_checkpoint
from pytest_synebench.trial import TrialId

# One process forks a child per step: starting Python for each would take most of the time.
SCRIPT = """
import itertools, os, signal, sys
from pathlib import Path
from pytest_synebench.checkpoints.protocol import Place

kind, where, *names = sys.argv[1:]
if kind == "s3":
    from pytest_synebench.checkpoints.s3.archive import S3Archive
    from pytest_synebench.checkpoints.s3.asking import new_client
    client = new_client()
else:
    from pytest_synebench.checkpoints.folder import FolderArchive
    from pytest_synebench.checkpoints.local import LocalStore

def work(step):
    if kind == "s3":
        archive = S3Archive(f"s3://{where}", str(step), client=client, backoff_s=0.0005)
    elif kind == "folder":
        archive = FolderArchive(Path(where, str(step)))
    elif kind == "adopt":
        LocalStore().adopt(Path(names[0]), Path(where, str(step)), 9, 2)
        return
    elif kind == "keep":
        FolderArchive(Path(where, str(step))).keep(Path(names[0]), Place(1, 0, 9))
        return
    elif kind == "restore":
        FolderArchive(Path(names[0])).restore(Place(1, 0, 9), Path(where, str(step)))
        return
    else:
        LocalStore().retain(Path(where, str(step)), [9])
        return
    archive.copy(Place(1, 0, 9), Place(2, 0, 9), names[0])
    archive.remove(Place(1, 0, 3))
    archive.collect()

for step in range(1000):
    child = os.fork()
    if child == 0:
        steps = itertools.count()  # of several threads
        def died(*args, **options):
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
        if kind == "s3":
            client.meta.events.register("before-send.s3", died)
        for name in ("fsync", "rename", "mkdir", "rmdir", "unlink"):
            real = getattr(os, name)
            setattr(os, name, lambda *a, real=real, **o: (died(), real(*a, **o))[1])
        work(step)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == 0:
        break
    assert code == -signal.SIGKILL, code
print(step)
"""
MOST = 60  #: steps that there are at most


def die_at_each_step(service: Service | None, *arguments: str) -> int:
    """Return how many steps there are; each has left a store of its own name behind."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        env={**os.environ, **(service.environment if service else {})},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return int(done.stdout)


def at(trial: int, level: int) -> Place:
    return Place(TrialId(trial), 0, level)


def fill(archive: CheckpointArchive, folder: Path) -> str:
    """Keep levels 3 and 9 of trial 1; return the hash of the last one's manifest."""
    for level in (3, 9):
        files = {"shared": b"shared", "deep/own": b"%d" % level}
        saved = folder / f"{level:08d}"
        if not saved.exists():
            make_checkpoint(folder, at(1, level), files)
        sha256 = archive.keep(saved, at(1, level)).sha256
    return sha256


def assert_good(archive: CheckpointArchive, folder: Path) -> None:
    """Whatever is found is whole, the one that stays is, and a next start leaves nothing else."""
    for place in archive.find():
        archive.restore(place, folder / f"{place.trial_id}-{place.level}")
    archive.restore(at(1, 9), folder / "last")
    assert content(folder / "last" / "00000009") == {"shared": b"shared", "deep/own": b"9"}
    archive.remove(at(1, 3))
    archive.collect()
    assert at(1, 9) in archive.find()
    assert {place.level for place in archive.find()} == {9}
    archive.restore(at(1, 9), folder / "after")


def test_of_a_bucket(service: Service, client: Any, bucket: str, tmp_path: Path) -> None:
    def archive(step: int) -> S3Archive:
        return S3Archive(f"s3://{bucket}", str(step), client=client, backoff_s=0.0005)

    most = 15
    for step in range(most):
        sha256 = fill(archive(step), tmp_path / "here")
    steps = die_at_each_step(service, "s3", bucket, sha256)
    assert 8 <= steps < most, "a copy in four requests, a removal, a collection"
    for step in range(steps + 1):
        assert_good(archive(step), tmp_path / str(step))
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=f"{step}/blobs/"
        )
        assert sum(len(page.get("Contents", [])) for page in pages) == 2
    assert archive(steps).find(TrialId(2)) == [at(2, 9)]


def test_of_a_folder(tmp_path: Path) -> None:
    sha256 = fill(FolderArchive(tmp_path / "filled"), tmp_path / "here")
    for step in range(MOST):
        shutil.copytree(tmp_path / "filled", tmp_path / "archive" / str(step))
    steps = die_at_each_step(None, "folder", str(tmp_path / "archive"), sha256)
    assert 8 <= steps < MOST
    for step in range(steps + 1):
        archive = FolderArchive(tmp_path / "archive" / str(step))
        assert_good(archive, tmp_path / str(step))
        assert not list((tmp_path / "archive" / str(step)).glob(".part-*"))
    assert archive.find(TrialId(2)) == [at(2, 9)]


def test_of_a_trials_own_directory(tmp_path: Path) -> None:
    for step in range(MOST):
        for level in (1, 3, 9):  # three: what a script run by hand before may have left
            place = at(1, level)
            made = make_checkpoint(tmp_path / f"{step}-{level}", place, {"deep/own": b"%d" % level})
            made.rename(_made(tmp_path / "local" / str(step)) / made.name)
    steps = die_at_each_step(None, "local", str(tmp_path / "local"))
    assert 4 <= steps < MOST
    for step in range(steps + 1):
        store = tmp_path / "local" / str(step)
        for level in manifest.levels(str(store)):
            manifest.verify(str(store / f"{level:08d}"), level)
        LocalStore().retain(store, [9])
        assert [path.name for path in store.iterdir()] == ["00000009"]
        LocalStore().retain(store, [])
        assert list(store.iterdir()) == []


FILES = {"state": b"s", "deep/own": b"9"}


def test_of_a_copy_that_is_kept_in_a_folder(tmp_path: Path) -> None:
    saved = make_checkpoint(tmp_path / "here", at(1, 9), FILES)
    steps = die_at_each_step(None, "keep", str(tmp_path / "archive"), str(saved))
    assert 8 <= steps < MOST
    for step in range(steps + 1):
        archive = FolderArchive(tmp_path / "archive" / str(step))
        for place in archive.find():
            archive.restore(place, tmp_path / "there" / str(step))
        archive.collect()
        assert not list((tmp_path / "archive" / str(step)).glob(".part-*"))
        assert step < steps or archive.find() == [at(1, 9)]
        archive.keep(saved, at(1, 9))
        archive.restore(at(1, 9), tmp_path / "again" / str(step))


def test_of_one_that_is_brought_back_from_a_folder(tmp_path: Path) -> None:
    kept = FolderArchive(tmp_path / "archive")
    kept.keep(make_checkpoint(tmp_path / "here", at(1, 9), FILES), at(1, 9))
    steps = die_at_each_step(None, "restore", str(tmp_path / "there"), str(tmp_path / "archive"))
    assert 6 <= steps < MOST
    for step in range(steps + 1):
        there = tmp_path / "there" / str(step)
        assert_whole(there, 1)
        assert step < steps or manifest.levels(str(there)) == [9]
        kept.restore(at(1, 9), there)
        assert [path.name for path in there.iterdir()] == ["00000009"]
        assert content(there / "00000009") == FILES


def test_of_one_that_becomes_another_trials(tmp_path: Path) -> None:
    make_checkpoint(tmp_path / "7", at(7, 9), FILES)
    steps = die_at_each_step(None, "adopt", str(tmp_path / "local"), str(tmp_path / "7"))
    assert 6 <= steps < MOST
    for step in range(steps + 1):
        store = tmp_path / "local" / str(step)
        assert_whole(store, 2)
        assert step < steps or manifest.levels(str(store)) == [9]
        LocalStore().adopt(tmp_path / "7", store, 9, TrialId(2))
        assert [path.name for path in store.iterdir()] == ["00000009"]
        assert content(store / "00000009") == FILES


def assert_whole(checkpoints: Path, trial: int) -> None:
    for level in manifest.levels(str(checkpoints)):
        manifest.verify(manifest.directory_of(str(checkpoints), level), level, trial)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
