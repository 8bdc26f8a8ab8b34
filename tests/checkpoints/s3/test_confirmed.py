"""What a server says of the bytes it has, and what is read back because it says nothing."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import pytest
from s3_in_memory import InMemoryS3
from s3_service import Service

from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.checkpoints.s3 import blobs
from pytest_synebench.checkpoints.s3.archive import S3Archive
from pytest_synebench.testing.checkpoint_store_suite import make_checkpoint
from pytest_synebench.trial import TrialId

PLACE = Place(TrialId(1), 0, 3)
DATA = b"weights" * 1000
Answer = Callable[[dict[str, Any]], dict[str, Any]]
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


class Answering:
    """A client whose answers to what makes an object of parts are changed."""

    def __init__(self, client: Any, part: Answer, whole: Answer) -> None:
        self._client = client
        self._part = part
        self._whole = whole

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def upload_part(self, **asked: Any) -> dict[str, Any]:
        """Answer as it was told to."""
        return self._part(self._client.upload_part(**asked))

    def complete_multipart_upload(self, **asked: Any) -> dict[str, Any]:
        """Answer as it was told to."""
        return self._whole(self._client.complete_multipart_upload(**asked))


def as_it_is(answer: dict[str, Any]) -> dict[str, Any]:
    return answer


def without_sha256(answer: dict[str, Any]) -> dict[str, Any]:
    return {**answer, "ChecksumSHA256": None}


def with_other_sha256(answer: dict[str, Any]) -> dict[str, Any]:
    return {**answer, "ChecksumSHA256": "b3RoZXIgYnl0ZXM="}


def without_etag(answer: dict[str, Any]) -> dict[str, Any]:
    return {**answer, "ETag": '"of other bytes-3"'}


@pytest.mark.parametrize(
    ("part", "whole", "gets"),
    [
        (as_it_is, as_it_is, 0),
        (without_sha256, as_it_is, 0),  # its ETag is the MD5 of the part
        (as_it_is, without_etag, 1),
        (with_other_sha256, without_etag, 1),
    ],
)
def test_what_is_in_parts_is_read_back_where_the_server_does_not_say_that_it_has_them(
    service: Service,
    client: Any,
    bucket: str,
    tmp_path: Path,
    part: Answer,
    whole: Answer,
    gets: int,
) -> None:
    archive = S3Archive(f"s3://{bucket}", client=Answering(client, part, whole))
    archive.keep(make_checkpoint(tmp_path, PLACE, {"weights": bytes(range(251)) * 70_000}), PLACE)
    assert [method for method, _, _ in service.asked(bucket)].count("GET") == gets


class Encrypting(Answering):
    """Has ETags that say nothing of the bytes, and says nothing else of them."""

    def __init__(self, client: Any) -> None:
        super().__init__(client, without_sha256, self._whole_of_them)
        self._real: dict[int, str] = {}

    def upload_part(self, **asked: Any) -> dict[str, Any]:
        """Answer with the ETag of other bytes."""
        answer = super().upload_part(**asked)
        self._real[asked["PartNumber"]] = answer["ETag"]
        return {**answer, "ETag": f'"{md5(b"other").hexdigest()}"'}

    def complete_multipart_upload(self, **asked: Any) -> dict[str, Any]:
        """Have the server meet its own ETags."""
        for part in asked["MultipartUpload"]["Parts"]:
            part["ETag"] = self._real[part["PartNumber"]]
        answer = super().complete_multipart_upload(**asked)
        for part in asked["MultipartUpload"]["Parts"]:
            part["ETag"] = md5(b"other").hexdigest()
        return answer

    def _whole_of_them(self, answer: dict[str, Any]) -> dict[str, Any]:
        number = len(self._real)
        return {**answer, "ETag": f'"{md5(md5(b"other").digest() * number).hexdigest()}-{number}"'}


def test_parts_that_nothing_was_said_of_are_read_back(
    service: Service, client: Any, bucket: str, tmp_path: Path
) -> None:
    archive = S3Archive(f"s3://{bucket}", client=Encrypting(client))
    archive.keep(make_checkpoint(tmp_path, PLACE, {"weights": bytes(range(251)) * 70_000}), PLACE)
    assert [method for method, _, _ in service.asked(bucket)].count("GET") == 1


def in_parts(*told: tuple[str, bool]) -> list[blobs._Part]:
    return [
        blobs._Part({"ETag": f'"{etag}"', "ChecksumSHA256": "AAAA"}, confirmed, [])
        for etag, confirmed in told
    ]


def test_only_parts_that_were_each_confirmed_make_a_file_that_is() -> None:
    etags = md5(b"a").hexdigest(), md5(b"b").hexdigest()
    both = md5(b"".join(map(bytes.fromhex, etags))).hexdigest()
    answer = {"ETag": f'"{both}-2"'}
    assert blobs._confirms_parts(answer, in_parts((etags[0], True), (etags[1], True)))
    assert not blobs._confirms_parts(answer, in_parts((etags[0], True), (etags[1], False)))
    assert not blobs._confirms_parts(answer, in_parts((etags[1], True), (etags[0], True)))
    assert not blobs._confirms_parts(answer, in_parts((etags[0], True), ("no MD5", True)))


def test_the_sha256_of_all_sha256s_confirms_a_file_whose_etag_says_nothing() -> None:
    parts = in_parts(("no MD5", True), ("no MD5", True))
    composite = b64encode(sha256(b64decode("AAAA") * 2).digest()).decode()
    assert blobs._confirms_parts({"ETag": "x", "ChecksumSHA256": f"{composite}-2"}, parts)
    assert not blobs._confirms_parts({"ETag": "x", "ChecksumSHA256": f"{composite}-3"}, parts)
    assert not blobs._confirms_parts({"ETag": "x", "ChecksumSHA256": f"{composite}"}, parts)
