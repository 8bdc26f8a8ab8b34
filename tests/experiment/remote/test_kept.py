"""Which checkpoints of jobs are trusted, and how one becomes another trial's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from s3_service import Service

from pytest_synebench.checkpoints import manifest
from pytest_synebench.checkpoints.protocol import CheckpointArchive, Place
from pytest_synebench.checkpoints.s3.archive import S3Archive
from pytest_synebench.errors import BackendError, CheckpointError
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.experiment.remote.kept import KeptStore
from pytest_synebench.testing.checkpoint_store_suite import content, make_checkpoint
from pytest_synebench.trial import CheckpointRef, TrialId

pytest_plugins = ("buckets",)

ONE, TWO = TrialId(1), TrialId(2)


def nothing() -> CheckpointArchive:
    raise AssertionError("nothing is asked")


@pytest.fixture
def trials(tmp_path: Path) -> Path:
    return tmp_path / "trials"


@pytest.fixture
def checkpoints(trials: Path) -> Path:
    return trials / "1" / "checkpoints"


@pytest.fixture
def store(tmp_path: Path) -> KeptStore:
    made = KeptStore(nothing)
    made.ledger = Ledger(tmp_path)
    return made


def keep(store: KeptStore, level: int) -> None:
    assert store.ledger is not None
    store.ledger.note(Place(ONE, 0, level), f"{level}" * 64)


def test_what_the_ledger_has_is_trusted_and_nothing_on_this_disk(
    store: KeptStore, checkpoints: Path
) -> None:
    make_checkpoint(checkpoints, Place(ONE, 0, 9))
    assert store.newest(checkpoints, None) is None
    for level in (1, 3):
        keep(store, level)
    assert store.newest(checkpoints, None) == CheckpointRef(trial_id=ONE, level=3, sha256="3" * 64)
    assert store.newest(checkpoints, 2) == CheckpointRef(trial_id=ONE, level=1, sha256="1" * 64)
    assert store.newest(checkpoints, 0) is None


def test_what_was_given_up_is_not_trusted_again(store: KeptStore, checkpoints: Path) -> None:
    for level in (1, 3):
        keep(store, level)
    store.discard_beyond(checkpoints, 2)
    store.discard_beyond(checkpoints, 2)
    newest = store.newest(checkpoints, None)
    assert newest is not None
    assert newest.level == 1


def test_nothing_is_known_before_the_run_is_open(checkpoints: Path) -> None:
    with pytest.raises(CheckpointError, match="not open"):
        KeptStore(nothing).newest(checkpoints, None)


class Jobs:
    """A bucket in which jobs of trial 1 have kept checkpoints, and the store over it."""

    def __init__(self, folder: Path, client: Any, bucket: str) -> None:
        self.client, self.bucket, self.folder = client, bucket, folder
        self.archive = S3Archive(f"s3://{bucket}/hpo", "toy/r0", client=client, backoff_s=0.001)
        self.store = KeptStore(lambda: self.archive)
        self.ledger = self.store.ledger = Ledger(folder)

    def keep(self, trial: TrialId, level: int, text: str, attempt: int = 0) -> CheckpointRef:
        place = Place(trial, attempt, level)
        saved = make_checkpoint(
            self.folder / "elsewhere" / f"{trial}-{attempt}", place, {"state.json": text.encode()}
        )
        ref = self.archive.keep(saved, place)
        self.ledger.note(place, ref.sha256)
        return ref

    def adopt(self, at_most: int, target: TrialId = TWO) -> CheckpointRef | None:
        source, own = (self.folder / "trials" / str(n) / "checkpoints" for n in (ONE, target))
        return self.store.adopt(source, own, at_most, target)

    def restored(self, place: Place) -> dict[str, bytes]:
        (_, sha256), *_ = self.ledger.newest(place.trial_id, place.level)
        folder = self.folder / "restored" / f"{place.trial_id}"
        self.archive.restore(place, folder, sha256)
        return content(Path(manifest.directory_of(str(folder), place.level)))

    def blobs(self) -> list[str]:
        found = self.client.list_objects_v2(Bucket=self.bucket, Prefix="hpo/toy/r0/blobs/")
        return [entry["Key"] for entry in found.get("Contents", [])]


@pytest.fixture
def jobs(tmp_path: Path, client: Any, bucket: str) -> Jobs:
    return Jobs(tmp_path, client, bucket)


def test_a_copy_is_whole_and_moves_no_byte(jobs: Jobs, service: Service) -> None:
    kept = jobs.keep(ONE, 2, "of trial 1")
    before = jobs.blobs()
    assert jobs.adopt(4) == kept
    assert jobs.blobs() == before
    assert jobs.restored(Place(TWO, 0, 2)) == {"state.json": b"of trial 1"}
    assert jobs.store.newest(jobs.folder / "trials" / "2" / "checkpoints", None) is not None


def test_the_newest_up_to_the_level_is_taken(jobs: Jobs) -> None:
    for level in (2, 4, 6):
        jobs.keep(ONE, level, f"level {level}")
    found = jobs.adopt(5)
    assert found is not None
    assert found.level == 4
    assert jobs.adopt(1) is None
    assert jobs.ledger.newest(TWO, 9) == []


def test_one_that_is_not_whole_is_passed_over_for_the_one_before(jobs: Jobs) -> None:
    jobs.keep(ONE, 2, "whole")
    before = set(jobs.blobs())
    jobs.keep(ONE, 4, "lost")
    (lost,) = set(jobs.blobs()) - before
    jobs.client.delete_object(Bucket=jobs.bucket, Key=lost)
    found = jobs.adopt(9)
    assert found is not None
    assert found.level == 2


def test_what_a_dead_controller_copied_is_gone(jobs: Jobs) -> None:
    jobs.keep(ONE, 2, "of trial 1")
    jobs.keep(TWO, 2, "copied from another, and not written down")
    jobs.keep(TWO, 6, "likewise")
    assert jobs.adopt(2) is not None
    assert jobs.archive.find(TWO) == [Place(TWO, 0, 2)]
    assert jobs.restored(Place(TWO, 0, 2)) == {"state.json": b"of trial 1"}
    assert [place for place, _ in jobs.ledger.newest(TWO, 9)] == [Place(TWO, 0, 2)]
    assert jobs.adopt(2) is not None  # it may be repeated


def test_a_bucket_that_refuses_breaks_the_run_off(jobs: Jobs, service: Service) -> None:
    jobs.keep(ONE, 2, "of trial 1")
    service.break_when(
        jobs.bucket, {"methods": ["PUT"], "part": "trials/", "times": 99, "kind": "denied"}
    )
    with pytest.raises(BackendError, match=r"jobs' store cannot be used: .*AccessDenied"):
        jobs.adopt(4)
