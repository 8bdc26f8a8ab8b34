"""The archive in S3 passes the suite, and keeps what the suite cannot see."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from earlier import canonical, earlier_checkpoint
from s3_service import PAGE, Service

from pytest_synebench.checkpoints import manifest
from pytest_synebench.checkpoints.hashing import PART_BYTES, name_of
from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.checkpoints.s3 import blobs
from pytest_synebench.checkpoints.s3.archive import S3Archive
from pytest_synebench.errors import CheckpointError, StoreError
from pytest_synebench.testing.checkpoint_collection_suite import CheckpointCollectionSuite, Stored
from pytest_synebench.testing.checkpoint_store_suite import (
    FILES,
    Archives,
    CheckpointArchiveSuite,
    content,
    make_checkpoint,
)
from pytest_synebench.trial import TrialId

PLACE = Place(TrialId(1), 0, 3)
MANIFEST = "hpo/one/trials/00000001/000000/00000003.json"


@pytest.fixture
def archives(client: Any, bucket: str) -> Archives:
    return lambda experiment: S3Archive(
        f"s3://{bucket}/hpo", experiment, client=client, backoff_s=0.0005
    )


class TestS3Archive(CheckpointArchiveSuite):
    @pytest.fixture
    def archives(self, archives: Archives) -> Archives:
        return archives


class TestS3Collection(CheckpointCollectionSuite):
    @pytest.fixture
    def archives(self, archives: Archives) -> Archives:
        return archives

    @pytest.fixture
    def stored(self, client: Any, bucket: str) -> Stored:
        def blobs(experiment: str) -> set[bytes]:
            return {
                client.get_object(Bucket=bucket, Key=key)["Body"].read()
                for key in keys(client, bucket)
                if key.startswith(f"hpo/{experiment}/blobs/")
            }

        return blobs


def keys(client: Any, bucket: str) -> list[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))


def test_blobs_have_the_names_of_their_hashes_and_the_manifest_is_the_one_on_disk(
    archives: Archives, client: Any, bucket: str, tmp_path: Path
) -> None:
    saved = make_checkpoint(tmp_path, PLACE)
    archives("one").keep(saved, PLACE)
    blobs = {f"hpo/one/blobs/{sha256(data).hexdigest()}" for data in FILES.values()}
    assert set(keys(client, bucket)) == {*blobs, MANIFEST}
    body = client.get_object(Bucket=bucket, Key=MANIFEST)["Body"].read()
    assert body == (saved / "manifest.json").read_bytes()


def test_equal_bytes_of_two_trials_are_kept_once(
    archives: Archives, client: Any, bucket: str, tmp_path: Path
) -> None:
    for trial in (1, 2):
        place = Place(TrialId(trial), 0, 3)
        archives("one").keep(make_checkpoint(tmp_path / str(trial), place), place)
    assert len(keys(client, bucket)) == len(FILES) + 2


def test_the_manifest_is_the_last_that_is_written(
    archives: Archives, service: Service, bucket: str, tmp_path: Path
) -> None:
    archives("one").keep(make_checkpoint(tmp_path, PLACE), PLACE)
    written = [key for method, key, _ in service.asked(bucket) if method == "PUT"]
    assert len(written) == 4
    assert written[-1] == MANIFEST


def test_a_large_file_is_sent_in_parts(
    archives: Archives, service: Service, bucket: str, tmp_path: Path
) -> None:
    data = {"weights": bytes(range(251)) * 70_000}  # 17.6 MB: three parts of 8 MiB
    archives("one").keep(make_checkpoint(tmp_path, PLACE, data), PLACE)
    asked = Counter(
        "part" if "partNumber" in key else method for method, key, _ in service.asked(bucket)
    )
    assert asked["part"] == 3


@pytest.mark.parametrize("size", [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES])
def test_files_of_any_size_come_back(archives: Archives, tmp_path: Path, size: int) -> None:
    data = {"weights": b"w" * size}
    archives("one").keep(make_checkpoint(tmp_path / "here", PLACE, data), PLACE)
    archives("one").restore(PLACE, tmp_path / "there")
    assert content(tmp_path / "there" / "00000003") == data


def test_a_file_that_changes_while_it_is_sent_in_parts_never_becomes_visible(
    archives: Archives, client: Any, bucket: str, tmp_path: Path
) -> None:
    saved = make_checkpoint(tmp_path, PLACE, {"weights": b"w" * (2 * PART_BYTES)})
    with (saved / "weights").open("r+b") as file:
        file.seek(PART_BYTES + 1)
        file.write(b"!")
    with pytest.raises(CheckpointError, match="'weights' was changed after it was saved"):
        archives("one").keep(saved, PLACE)
    assert keys(client, bucket) == []
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)


def test_a_large_file_is_called_as_s3_calls_it_and_hashed_once_on_its_way(
    archives: Archives, client: Any, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytes(range(251)) * 70_000
    saved = make_checkpoint(tmp_path, PLACE, {"weights": data})
    hashed: list[int] = []

    def counted(chunk: bytes | memoryview = b"") -> Any:
        hashed.append(len(chunk))
        return sha256(chunk)

    monkeypatch.setattr(blobs, "sha256", counted)
    archives("one").keep(saved, PLACE)
    assert sum(size for size in hashed if size > 1000) == len(data), "and hashes of hashes"
    (key,) = [key for key in keys(client, bucket) if "/blobs/" in key]
    assert key == f"hpo/one/blobs/{name_of(str(saved / 'weights'))}"
    parts = [data[at : at + PART_BYTES] for at in range(0, len(data), PART_BYTES)]
    composite = sha256(b"".join(sha256(part).digest() for part in parts))
    assert key.endswith(f"/{composite.hexdigest()}-3")


def test_more_parts_than_s3_takes_are_sent_together(
    archives: Archives,
    service: Service,
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blobs, "_MOST_PARTS", 2)
    data = {"weights": bytes(range(251)) * 70_000}
    archives("one").keep(make_checkpoint(tmp_path / "here", PLACE, data), PLACE)
    assert sum("partNumber" in key for _, key, _ in service.asked(bucket)) == 2
    archives("one").restore(PLACE, tmp_path / "there")
    assert content(tmp_path / "there" / "00000003") == data


def test_a_large_file_of_an_earlier_version_is_kept_and_comes_back(
    archives: Archives, client: Any, bucket: str, tmp_path: Path
) -> None:
    data = {"weights": bytes(range(251)) * 70_000}
    saved = earlier_checkpoint(tmp_path / "here", data)
    archives("one").keep(saved, PLACE)
    assert f"hpo/one/blobs/{sha256(data['weights']).hexdigest()}" in keys(client, bucket)
    archives("one").restore(PLACE, tmp_path / "there")
    assert content(tmp_path / "there" / "00000003") == data


def test_one_of_an_earlier_version_that_changed_never_becomes_visible(
    archives: Archives, client: Any, bucket: str, tmp_path: Path
) -> None:
    saved = earlier_checkpoint(tmp_path, {"weights": b"w" * (2 * PART_BYTES)})
    with (saved / "weights").open("r+b") as file:
        file.seek(PART_BYTES + 1)
        file.write(b"!")
    with pytest.raises(CheckpointError, match="'weights' was changed after it was saved"):
        archives("one").keep(saved, PLACE)
    assert keys(client, bucket) == []


def test_an_upload_that_a_killed_process_began_is_given_up(
    archives: Archives, client: Any, bucket: str
) -> None:
    for key in ("hpo/one/blobs/abc", "hpo/other/blobs/abc"):
        client.create_multipart_upload(Bucket=bucket, Key=key)
    archives("one").collect()
    left = client.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [upload["Key"] for upload in left] == ["hpo/other/blobs/abc"]


class Interrupted:
    """A client whose user gives up while the first parts of a file are on their way."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.archive: S3Archive | None = None
        self.parts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def upload_part(self, **asked: Any) -> Any:
        """Send it all the same."""
        assert self.archive is not None
        self.archive.close()
        self.parts += 1
        return self._client.upload_part(**asked)


def test_who_gives_up_waits_for_the_parts_that_are_under_way_only(
    client: Any, bucket: str, tmp_path: Path
) -> None:
    interrupted = Interrupted(client)
    archive = interrupted.archive = S3Archive(f"s3://{bucket}", client=interrupted)
    here = make_checkpoint(tmp_path, PLACE, {"weights": bytes(9 * PART_BYTES)})
    with pytest.raises(StoreError, match="given up, since the run ends"):
        archive.keep(here, PLACE)
    assert 1 <= interrupted.parts <= 4
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)
    assert "Contents" not in client.list_objects_v2(Bucket=bucket)


def test_a_blob_that_went_bad_in_the_bucket_is_not_relied_on_but_replaced(
    archives: Archives, client: Any, bucket: str, tmp_path: Path
) -> None:
    digest = sha256(FILES["state.json"]).hexdigest()
    client.put_object(Bucket=bucket, Key=f"hpo/one/blobs/{digest}", Body=b'{"epoch": 4}')
    archives("one").keep(make_checkpoint(tmp_path / "here", PLACE), PLACE)
    archives("one").restore(PLACE, tmp_path / "there")
    assert content(tmp_path / "there" / "00000003") == FILES


def test_more_checkpoints_than_one_page_lists_are_found(
    archives: Archives, client: Any, bucket: str
) -> None:
    for level in range(1, 3 * PAGE):
        client.put_object(
            Bucket=bucket, Key=f"hpo/one/trials/00000001/000000/{level:08d}.json", Body=b""
        )
    client.put_object(Bucket=bucket, Key="hpo/one/trials/00000001/000000/1.json", Body=b"")
    assert [place.level for place in archives("one").find(TrialId(1))] == list(
        range(3 * PAGE - 1, 0, -1)
    )


def test_what_no_listing_shows_is_restored(
    archives: Archives, service: Service, bucket: str, tmp_path: Path
) -> None:
    archives("one").keep(make_checkpoint(tmp_path / "here", PLACE), PLACE)
    service.asked(bucket)
    archives("one").restore(PLACE, tmp_path / "there")
    assert all("list-type" not in key for _, key, _ in service.asked(bucket))


# -- checkpoints that somebody else has made -----------------------------------------------------


def forge(client: Any, bucket: str, told: dict[str, Any]) -> None:
    """Keep a manifest with a hash of its own that is right, and the blob of one byte."""
    told = {"schema": 1, "trial": 1, "level": 3, **told}
    if set(told) == {"schema", "trial", "level", "files"}:
        told["sha256"] = sha256(canonical(told)).hexdigest()
    client.put_object(Bucket=bucket, Key=MANIFEST, Body=canonical(told))
    client.put_object(Bucket=bucket, Key=f"hpo/one/blobs/{sha256(b'x').hexdigest()}", Body=b"x")


X = {"sha256": sha256(b"x").hexdigest(), "size": 1}


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"files": {"../escaped": X}}, r"'../escaped' leads out of the checkpoint's directory"),
        ({"files": {"/tmp/escaped": X}}, "leads out"),
        ({"files": {"a/./b": X}}, "leads out"),
        ({"files": {"a//b": X}}, "leads out"),
        ({"files": {"a\0b": X}}, "leads out"),
        ({"files": {"": X}}, "leads out"),
        ({"files": {"manifest.json": X}}, "is our own file's name"),
        ({"files": {"a": X, "a/b": X}}, "'a' is a file and a folder"),
        ({"files": {"a": {**X, "size": -1}}}, "'a' has no size"),
        ({"files": {"a": {**X, "size": 1.5}}}, "'a' has no size"),
        ({"files": {"a": {**X, "sha256": "../../x"}}}, "'a' has no SHA-256"),
        ({"files": {"a": {**X, "sha256": None}}}, "'a' has no SHA-256"),
        ({"files": {"a": {**X, "sha256": "0" * 64 + "-1"}}}, "'a' has no SHA-256"),
        ({"files": {"a": "x"}}, "'a' has no size"),
        ({"files": {"a": {**X, "size": 0}}}, "'a' was changed after it was kept: it has more"),
        ({"files": {"a": {**X, "size": 10**15}}}, "'a' was changed after it was kept: 1 bytes"),
        ({"files": {"a": {**X, "sha256": "0" * 64}}}, "'a' is in the manifest but not in the st"),
        ({"files": [X]}, "is not a manifest"),
        ({"schema": 3, "files": {"a": X}}, "its schema is 3; this version reads 1 and 2 only"),
        ({"trial": 10, "files": {"a": X}}, "its manifest is of trial 10, not 1"),
        ({"level": 9, "files": {"a": X}}, "its manifest is of level 9, not 3"),
        ({"files": {"a": X}, "sha256": "0" * 64}, "was changed after it was saved"),
    ],
)
def test_a_forged_manifest_is_refused_by_name_and_writes_nothing(
    archives: Archives,
    client: Any,
    bucket: str,
    tmp_path: Path,
    told: dict[str, Any],
    reason: str,
) -> None:
    forge(client, bucket, told)
    with pytest.raises(CheckpointError, match=reason):
        archives("one").restore(PLACE, tmp_path / "there" / "checkpoints")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert not Path("/tmp/escaped").exists()


def test_a_manifest_without_end_is_not_read(
    archives: Archives, client: Any, bucket: str, tmp_path: Path
) -> None:
    client.put_object(Bucket=bucket, Key=MANIFEST, Body=b"[" * ((8 << 20) + 1))
    with pytest.raises(CheckpointError, match="its manifest has 8388609 bytes; at most 8388608"):
        archives("one").restore(PLACE, tmp_path / "there")


def test_what_nobody_unpickles_runs_nothing(archives: Archives, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "executed",))

    import pickle

    data = {"weights.pkl": pickle.dumps(Evil())}
    archives("one").keep(make_checkpoint(tmp_path / "here", PLACE, data), PLACE)
    archives("one").restore(PLACE, tmp_path / "there")
    assert manifest.levels(str(tmp_path / "there")) == [3]
    assert not (tmp_path / "executed").exists()
