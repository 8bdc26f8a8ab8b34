"""What a server says of the bytes it has, and what is read back because it says nothing."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import pytest
from s3_in_memory import InMemoryS3
from s3_service import Service

from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.checkpoints.s3.archive import S3Archive
from pytest_synebench.testing.checkpoint_store_suite import make_checkpoint
from pytest_synebench.trial import TrialId

PLACE = Place(TrialId(1), 0, 3)
DATA = b"weights" * 1000
Answers = Callable[[dict[str, Any], bytes], dict[str, Any]]


def etag(answer: dict[str, Any], body: bytes) -> dict[str, Any]:
    return {"ETag": f'"{md5(body, usedforsecurity=False).hexdigest()}"'}


def encrypted(answer: dict[str, Any], body: bytes) -> dict[str, Any]:
    return {"ETag": '"of what it was encrypted to"'}


class Saying(InMemoryS3):
    """Says of what it has what it is told to, may change it, and counts what is read."""

    def __init__(self, answers: Answers, *, loses: bool = False) -> None:
        super().__init__()
        self.answers = answers
        self.loses = loses
        self.read: list[str] = []

    def put_object(self, *, Key: str, Body: bytes, **options: Any) -> dict[str, Any]:  # noqa: N803
        body = Body[:-1] + b"!" if self.loses and "blobs" in Key else Body
        return self.answers(super().put_object(Key=Key, Body=body, **options), body)

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self.read.append(Key)
        return super().get_object(Bucket=Bucket, Key=Key)


def kept_in(store: Saying, tmp_path: Path) -> S3Archive:
    archive = S3Archive("s3://bucket", client=store, backoff_s=0.0)
    archive.keep(make_checkpoint(tmp_path / "here", PLACE, {"weights": DATA}), PLACE)
    return archive


@pytest.mark.parametrize("answers", [lambda answer, body: answer, etag])
def test_what_the_server_has_hashed_is_not_read_back(tmp_path: Path, answers: Answers) -> None:
    store = Saying(answers)
    kept_in(store, tmp_path)
    assert store.read == []


@pytest.mark.parametrize("answers", [lambda answer, body: {}, encrypted])
def test_what_it_says_nothing_of_is_read_back(tmp_path: Path, answers: Answers) -> None:
    store = Saying(answers)
    kept_in(store, tmp_path)
    assert store.read == [f"blobs/{sha256(DATA).hexdigest()}"]


@pytest.mark.parametrize("answers", [lambda answer, body: {}, etag, encrypted])
def test_a_server_that_keeps_other_bytes_is_found_out_at_once(
    tmp_path: Path, answers: Answers
) -> None:
    store = Saying(answers, loses=True)
    with pytest.raises(Exception, match="its SHA-256 differs"):
        kept_in(store, tmp_path)
    assert not any("trials" in key for key in store.objects)


def test_a_file_in_parts_is_sent_and_not_fetched(
    service: Service, client: Any, bucket: str, tmp_path: Path
) -> None:
    archive = S3Archive(f"s3://{bucket}", client=client)
    data = {"weights": bytes(range(251)) * 70_000}  # three parts
    archive.keep(make_checkpoint(tmp_path, PLACE, data), PLACE)
    assert [method for method, _, _ in service.asked(bucket)].count("GET") == 0
