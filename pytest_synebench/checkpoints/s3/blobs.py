"""The bytes of files, kept under what they are called (``hashing``): immutable, and shared.

Invariants (tests/checkpoints/s3/, tests/faults/test_s3_faults.py):
- what is kept under a hash has that hash: the bytes that are sent are the ones that are hashed,
  the server compares them on receipt, or tells the hash of what it has, or it is read back; and
  what was there before is read before it is relied on;
- a body that is cut off, too long or changed never reaches a checkpoint;
- a large file is sent in parts, four in memory at a time, and becomes visible whole or not at all;
- a byte of it is read and hashed once on its way: its parts are those of its name.
"""

from __future__ import annotations

import contextlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import md5, sha256
from pathlib import Path
from typing import Any, NamedTuple

from pytest_synebench.checkpoints.hashing import PART_BYTES, Digest, joined, parts_of
from pytest_synebench.checkpoints.s3.address import Address
from pytest_synebench.checkpoints.s3.asking import Asking
from pytest_synebench.checkpoints.s3.causes import Damaged, code, status
from pytest_synebench.errors import CheckpointError, StoreError

_MOST_PARTS = 10_000  #: of one object that S3 takes
_SENDERS = 4  #: of parts of one file: some are hashed while others are on their way
_CHUNK_BYTES = 1 << 20


class _Part(NamedTuple):
    """A part that was sent."""

    told: dict[str, Any]  #: what completes the upload names of it
    md5: bytes | None  #: where the server has not said that it compared its SHA-256
    hashes: list[bytes]  #: SHA-256 of each part of the file's name in it


class Blobs:
    """The files of one experiment."""

    def __init__(self, client: Any, address: Address, ask: Asking) -> None:
        """Look at a bucket.

        Args:
            client: of boto3, whose requests are asked once.
            address: of the experiment.
            ask: repeats requests.
        """
        self._client = client
        self._bucket = address.bucket
        self._address = address
        self._ask = ask

    def put(self, path: Path, name: str, digest: str, size: int) -> None:
        """Keep a file.

        Args:
            path: of the file.
            name: what its checkpoint calls it, for messages.
            digest: what its bytes must be called.
            size: that it must have, in bytes.

        Raises:
            CheckpointError: the file has another hash or size.
            StoreError: the bucket cannot be used.
        """
        key = self._address.blob(digest)
        if self._is_good(key, digest, size):
            return
        if size <= PART_BYTES:
            self._put_whole(path, name, digest, size)
        else:
            self._put_parts(path, name, digest, size)

    def is_there(self, digest: str, size: int) -> bool:
        """Whether a file seems to be kept: its bytes are not read.

        Raises:
            StoreError: the bucket cannot be used.
        """
        try:
            found = self._ask(lambda: self._look(self._address.blob(digest)))
        except Exception as error:
            if status(error) != 404:
                raise
            return False
        return bool(found["ContentLength"] == size)

    def fetch(self, target: Path, name: str, digest: str, size: int) -> None:
        """Write a kept file.

        Args:
            target: of the file; its directory exists.
            name: what its checkpoint calls it, for messages.
            digest: what its bytes must be called.
            size: that it must have, in bytes.

        Raises:
            CheckpointError: it is not kept, or not as it was.
            StoreError: the bucket cannot be used.
        """
        key = self._address.blob(digest)

        def download() -> None:
            with target.open("wb") as file:
                for chunk in self._read(key, digest, size):
                    file.write(chunk)

        try:
            self._ask(download, size)
        except Damaged as error:
            raise CheckpointError(f"{name!r} was changed after it was kept: {error}") from None
        except Exception as error:
            if status(error) != 404:
                raise
            raise CheckpointError(f"{name!r} is in the manifest but not in the store") from None

    def _is_good(self, key: str, digest: str, size: int) -> bool:
        """Whether the file is kept already; what was there before is read, not believed."""
        try:
            found = self._ask(lambda: self._look(key))
        except Exception as error:
            if status(error) != 404:
                raise
            return False
        if found["ContentLength"] != size:
            return False
        try:
            self._ask(lambda: _drain(self._read(key, digest, size)), size)
        except Damaged:
            return False
        return True

    def _look(self, key: str) -> Any:
        try:
            return self._client.head_object(Bucket=self._bucket, Key=key)
        except Exception as error:
            if status(error) == 400:
                # The answer to HEAD has no body to say why (expired credentials, say); this has.
                self._client.get_object(Bucket=self._bucket, Key=key)["Body"].close()
            raise

    def _read(self, key: str, digest: str, size: int) -> Iterator[bytes]:
        """Yield the chunks of a file, and raise before its end where they are not its bytes."""
        body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        found, read = Digest(digest), 0
        with contextlib.closing(body):
            while chunk := body.read(_CHUNK_BYTES):
                read += len(chunk)
                if read > size:
                    raise Damaged(f"it has more than the {size} bytes of its manifest")
                found.update(chunk)
                yield chunk
        if read < size:
            raise Damaged(f"{read} bytes came, its manifest says {size}")
        if found.name() != digest:
            raise Damaged("its SHA-256 differs")

    def _put_whole(self, path: Path, name: str, digest: str, size: int) -> None:
        data = path.read_bytes()
        _check(sha256(data).hexdigest(), len(data), name, digest, size)
        key, checksum = self._address.blob(digest), _base64(digest)

        def put() -> None:
            answer = self._client.put_object(
                Bucket=self._bucket, Key=key, Body=data, ChecksumSHA256=checksum
            )
            if not _confirms(answer, checksum, data):
                _drain(self._read(key, digest, size))

        self._ask(put, size)

    def _put_parts(self, path: Path, name: str, digest: str, size: int) -> None:
        key = self._address.blob(digest)
        begun = self._ask(
            lambda: self._client.create_multipart_upload(
                Bucket=self._bucket, Key=key, ChecksumAlgorithm="SHA256"
            )
        )
        upload = {"Bucket": self._bucket, "Key": key, "UploadId": begun["UploadId"]}
        try:
            parts = self._send_parts(path, name, digest, size, upload)
            answer = self._complete(upload, [part.told for part in parts])
        except BaseException:
            with contextlib.suppress(Exception):
                self._client.abort_multipart_upload(**upload)
            raise
        if answer is None or not _confirms_parts(answer, parts):
            self._read_back(key, digest, size)

    def _read_back(self, key: str, digest: str, size: int) -> None:
        if not self._is_good(key, digest, size):
            raise StoreError(
                f"s3://{self._bucket}/{key} is not what was sent: the store loses bytes"
            )

    def _send_parts(
        self, path: Path, name: str, digest: str, size: int, upload: dict[str, str]
    ) -> list[_Part]:
        span = PART_BYTES * -(-parts_of(size) // _MOST_PARTS)
        # One that an earlier version saved is hashed as a whole: its parts go one by one.
        whole = None if "-" in digest else sha256()

        def send(at: int) -> _Part:
            with path.open("rb") as file:
                file.seek(at)
                data = file.read(span)
            if whole is not None:
                whole.update(data)
            return self._send_part(data, at // span + 1, upload)

        with ThreadPoolExecutor(_SENDERS if whole is None else 1) as senders:
            parts = list(senders.map(send, range(0, size, span)))
        # Before it becomes visible: the bytes that were hashed are the ones that were sent.
        sent = joined(found for part in parts for found in part.hashes)
        sent = sent if whole is None else whole.hexdigest()
        _check(sent, path.stat().st_size, name, digest, size)
        return parts

    def _send_part(self, data: bytes, number: int, upload: dict[str, str]) -> _Part:
        view = memoryview(data)
        hashes = [
            sha256(view[at : at + PART_BYTES]).digest() for at in range(0, len(data), PART_BYTES)
        ]
        own = hashes[0] if len(hashes) == 1 else sha256(data).digest()
        checksum = b64encode(own).decode()
        answer = self._ask(
            lambda: self._client.upload_part(
                **upload, PartNumber=number, Body=data, ChecksumSHA256=checksum
            ),
            len(data),
        )
        told = {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}
        compared = answer.get("ChecksumSHA256") == checksum
        return _Part(told, None if compared else _md5(data), hashes)

    def _complete(self, upload: dict[str, str], parts: list[dict[str, Any]]) -> Any:
        """Make the file visible; None: an earlier answer was lost, or it is not."""
        try:
            return self._ask(
                lambda: self._client.complete_multipart_upload(
                    **upload, MultipartUpload={"Parts": parts}
                )
            )
        except Exception as error:
            if code(error) != "NoSuchUpload":
                raise
            return None


def _drain(chunks: Iterator[bytes]) -> None:
    for _ in chunks:
        pass


def _check(found: str, length: int, name: str, digest: str, size: int) -> None:
    if length != size:
        raise CheckpointError(f"{name!r} has {length} bytes, its manifest says {size}")
    if found != digest:
        raise CheckpointError(f"{name!r} was changed after it was saved: its SHA-256 differs")


def _base64(digest: str) -> str:
    return b64encode(bytes.fromhex(digest)).decode()


def _confirms(answer: Any, checksum: str, data: bytes) -> bool:
    """Whether a server says that it has the bytes: by their SHA-256, or by their MD5 as its ETag.

    An ETag is their MD5 where S3 does not encrypt with a key of its own; else it is another one.
    """
    if answer.get("ChecksumSHA256") == checksum:
        return True
    return bool(answer.get("ETag", "").strip('"') == _md5(data).hex())


def _confirms_parts(answer: Any, parts: list[_Part]) -> bool:
    """Whether a server says that it has made one object of these parts, by a hash of hashes."""
    number = len(parts)
    if all(part.md5 is not None for part in parts):
        joined = _md5(b"".join(part.md5 or b"" for part in parts)).hex()
        return bool(answer.get("ETag", "").strip('"') == f"{joined}-{number}")
    joined_sha256 = sha256(b"".join(b64decode(part.told["ChecksumSHA256"]) for part in parts))
    composite = f"{b64encode(joined_sha256.digest()).decode()}-{number}"
    return bool(answer.get("ChecksumSHA256") == composite)


def _md5(data: bytes) -> bytes:
    return md5(data, usedforsecurity=False).digest()
