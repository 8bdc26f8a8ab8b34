"""An S3 that breaks: what is kept is right, what is loaded is right, requests are bounded."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from s3_in_memory import InMemoryS3
from s3_service import PASSING, Service

from pytest_synebench.checkpoints import manifest
from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.checkpoints.s3.archive import S3Archive
from pytest_synebench.checkpoints.s3.asking import TRIES
from pytest_synebench.errors import CheckpointError, StoreError
from pytest_synebench.testing.checkpoint_store_suite import FILES, content, make_checkpoint
from pytest_synebench.trial import TrialId

PLACE = Place(TrialId(1), 0, 3)
LARGE = {"weights": bytes(range(251)) * 70_000, "state.json": b"{}"}  # 17.6 MB: three parts
MANIFEST = "trials/00000001/000000/00000003.json"


@pytest.fixture
def archive(client: Any, bucket: str) -> S3Archive:
    return S3Archive(f"s3://{bucket}", client=client, backoff_s=0.0005)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return make_checkpoint(tmp_path / "here", PLACE)


def there_and_back(archive: S3Archive, saved: Path, tmp_path: Path) -> dict[str, bytes]:
    kept = archive.keep(saved, PLACE)
    archive.restore(PLACE, tmp_path / "there", kept.sha256)
    return content(tmp_path / "there" / "00000003")


# -- each kind of fault, at each kind of request -------------------------------------------------

STEPS = {
    "head": ("HEAD", "blobs/"),
    "put": ("PUT", "blobs/"),
    "manifest": ("PUT", "trials/"),
    "get manifest": ("GET", "trials/"),
    "get": ("GET", "blobs/"),
}


@pytest.mark.parametrize("kind", PASSING)
@pytest.mark.parametrize("step", STEPS)
def test_one_fault_changes_nothing(
    service: Service,
    bucket: str,
    archive: S3Archive,
    saved: Path,
    tmp_path: Path,
    step: str,
    kind: str,
) -> None:
    method, part = STEPS[step]
    service.break_when(bucket, {"methods": [method], "part": part, "times": 2, "kind": kind})
    assert there_and_back(archive, saved, tmp_path) == FILES
    assert kind in {fault for _, _, fault in service.asked(bucket)}


@pytest.mark.parametrize("kind", ["503", "drop before", "drop after", "flip upload", "truncate"])
@pytest.mark.parametrize("step", ["uploads", "partNumber=2", "uploadId"])
def test_a_fault_while_a_file_is_sent_in_parts_changes_nothing(
    service: Service, bucket: str, archive: S3Archive, tmp_path: Path, step: str, kind: str
) -> None:
    service.break_when(bucket, {"methods": ["POST", "PUT"], "part": step, "times": 2, "kind": kind})
    saved = make_checkpoint(tmp_path / "here", PLACE, LARGE)
    assert there_and_back(archive, saved, tmp_path) == LARGE


def test_an_answer_that_was_lost_after_the_manifest_was_written_is_success(
    service: Service, bucket: str, archive: S3Archive, saved: Path, tmp_path: Path
) -> None:
    service.break_when(
        bucket, {"methods": ["PUT"], "part": "trials/", "times": 1, "kind": "drop after"}
    )
    assert there_and_back(archive, saved, tmp_path) == FILES


# -- a third of everything -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_where_a_third_of_the_requests_fail_all_is_kept_by_a_bounded_number_of_them(
    service: Service, client: Any, bucket: str, tmp_path: Path, seed: int
) -> None:
    service.break_at(bucket, 0.3, seed=seed)
    archive = S3Archive(f"s3://{bucket}", client=client, backoff_s=0.0005)
    for trial in range(4):
        place = Place(TrialId(trial), 0, 3)
        files = {**FILES, "own": str(trial).encode()}
        kept = archive.keep(make_checkpoint(tmp_path / f"here{trial}", place, files), place)
        archive.restore(place, tmp_path / f"there{trial}", kept.sha256)
        assert content(tmp_path / f"there{trial}" / "00000003") == files

    asked = service.asked(bucket)
    assert sum(bool(fault) for _, _, fault in asked) > 5
    per_object = Counter((method, key) for method, key, _ in asked)
    # Blobs of all four trials are looked at by each of them, and read back where they were there.
    assert max(per_object.values()) <= 4 * 2 * TRIES


# -- what does not pass --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "way_out"),
    [("expired", "credentials have expired: .* --synebench-resume"), ("denied", "no right to")],
)
def test_without_rights_it_is_asked_once_and_the_way_out_is_told(
    service: Service, bucket: str, archive: S3Archive, saved: Path, kind: str, way_out: str
) -> None:
    service.break_at(bucket, 1.0, [kind])
    with pytest.raises(StoreError, match=f"(?i){way_out}"):
        archive.preflight()
    assert len(service.asked(bucket)) == 1
    with pytest.raises(StoreError):
        archive.keep(saved, PLACE)


def test_a_bucket_that_is_not_there_is_told_before_the_first_trial(client: Any) -> None:
    with pytest.raises(StoreError, match="There is no such bucket: make it, or name another one"):
        S3Archive("s3://nobody-made-this", client=client).preflight()


def test_a_bucket_that_was_deleted_meanwhile_is_named(
    client: Any, bucket: str, archive: S3Archive, saved: Path, tmp_path: Path
) -> None:
    archive.preflight()
    client.delete_bucket(Bucket=bucket)
    with pytest.raises(StoreError, match="no such bucket"):
        archive.keep(saved, PLACE)
    with pytest.raises(StoreError, match="no such bucket"):
        archive.restore(PLACE, tmp_path / "there")


def test_a_service_that_is_gone_is_named_after_a_bounded_number_of_requests(
    monkeypatch: pytest.MonkeyPatch, service: Service
) -> None:
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(StoreError, match=r"Nothing answers there: .* \(asked 6 times\)"):
        S3Archive("s3://bucket", backoff_s=0.0005).preflight()


def test_a_server_that_stays_busy_is_given_up_and_what_was_kept_before_is_there(
    service: Service, bucket: str, archive: S3Archive, saved: Path, tmp_path: Path
) -> None:
    kept = archive.keep(saved, PLACE)
    service.asked(bucket)
    service.break_at(bucket, 1.0, ["503"])
    place = Place(TrialId(1), 0, 9)
    following = make_checkpoint(tmp_path / "next", place)
    with pytest.raises(StoreError, match=rf"503: .* \(asked {TRIES} times\)"):
        archive.keep(following, place)
    # Its files go side by side: each is asked for so often, and nothing else is.
    asked = Counter(key for _, key, _ in service.asked(bucket))
    assert 1 <= len(asked) <= len(FILES)
    assert max(asked.values()) == TRIES
    service.mend(bucket)
    assert archive.restore(PLACE, tmp_path / "there") == kept


# -- bytes that changed in the bucket ------------------------------------------------------------


@settings(max_examples=500, deadline=None)
@given(data=st.data())
def test_every_flipped_bit_of_every_object_is_detected(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    top = tmp_path_factory.getbasetemp() / "bits"
    here = top / "here" / "00000003"
    saved = here if here.exists() else make_checkpoint(top / "here", PLACE)
    store = InMemoryS3()
    archive = S3Archive("s3://bucket", client=store, backoff_s=0.0)
    archive.keep(saved, PLACE)
    key = data.draw(st.sampled_from(sorted(k for k in store.objects if store.objects[k])))
    store.flip(key, data.draw(st.integers(0, len(store.objects[key]) * 8 - 1)))

    with pytest.raises(CheckpointError):
        archive.restore(PLACE, top / "there")
    assert manifest.levels(str(top / "there")) == []


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_every_object_that_is_shortened_or_gone_is_detected(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    top = tmp_path_factory.getbasetemp() / "cuts"
    here = top / "here" / "00000003"
    saved = here if here.exists() else make_checkpoint(top / "here", PLACE)
    store = InMemoryS3()
    archive = S3Archive("s3://bucket", client=store, backoff_s=0.0)
    archive.keep(saved, PLACE)
    key = data.draw(st.sampled_from(sorted(k for k in store.objects if store.objects[k])))
    length = data.draw(st.none() | st.integers(0, len(store.objects[key]) - 1))
    if length is None:
        del store.objects[key]
    else:
        store.objects[key] = store.objects[key][:length]

    with pytest.raises(CheckpointError):
        archive.restore(PLACE, top / "there")


# -- processes that die --------------------------------------------------------------------------

SCRIPT = """
import itertools, os, signal, sys
from pathlib import Path
from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.checkpoints.s3.archive import S3Archive
from pytest_synebench.checkpoints.s3.asking import new_client

bucket, verb, here, there, level = sys.argv[1:]
client = new_client()
archive = S3Archive(f"s3://{bucket}", client=client, backoff_s=0.0005)
for step in range(1000):
    child = os.fork()
    if child == 0:
        steps = itertools.count()  # of several threads
        def died(*args, **options):
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
        client.meta.events.register("before-send.s3", died)  # a step: the request is not sent
        for name in ("fsync", "rename", "mkdir", "rmdir"):
            real = getattr(os, name)
            setattr(os, name, lambda *a, real=real, **o: (died(), real(*a, **o))[1])
        place = Place(1, step, int(level))
        if verb == "keep":
            archive.keep(Path(here), place)
        else:
            archive.restore(Place(1, 0, int(level)), Path(there) / str(step))
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == 0:
        break
    assert code == -signal.SIGKILL, code
print(step)
"""


def die_at_each_step(service: Service, *arguments: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        env={**os.environ, **service.environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return int(done.stdout)


def test_a_keep_that_is_killed_at_any_step_leaves_no_checkpoint_that_is_not_whole(
    service: Service, client: Any, bucket: str, archive: S3Archive, tmp_path: Path
) -> None:
    saved = make_checkpoint(tmp_path / "here", PLACE, LARGE)
    steps = die_at_each_step(service, bucket, "keep", str(saved), "", "3")
    assert steps >= 8, "two looks, a blob, a large one in five requests, the manifest"
    for place in archive.find(TrialId(1)):
        archive.restore(place, tmp_path / "there")
        assert content(tmp_path / "there" / "00000003") == LARGE
    assert Place(TrialId(1), steps, 3) in archive.find(TrialId(1))

    archive.collect()
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)


def test_a_restore_that_is_killed_at_any_step_leaves_a_whole_checkpoint_or_none(
    service: Service, bucket: str, archive: S3Archive, saved: Path, tmp_path: Path
) -> None:
    archive.keep(saved, PLACE)
    there = tmp_path / "there"
    there.mkdir()
    steps = die_at_each_step(service, bucket, "restore", "", str(there), "3")
    assert steps >= 8
    for step in range(steps + 1):
        for level in manifest.levels(str(there / str(step))):
            manifest.verify(manifest.directory_of(str(there / str(step)), level), level)
        archive.restore(PLACE, there / str(step))
        assert [path.name for path in (there / str(step)).iterdir()] == ["00000003"]
    assert content(there / str(steps) / "00000003") == FILES
