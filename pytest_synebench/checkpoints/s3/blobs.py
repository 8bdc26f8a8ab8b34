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
import threading
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
    confirmed: bool  #: whether the server has said that it has these bytes
    hashes: list[bytes]  #: SHA-256 of each part of the file's name in it


class _Reader:
    """Reads parts of a file, each thread into memory of its own: new pages cost as much as a copy.

    Not botocore's own stream of a file: what is sent must be what was hashed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._own = threading.local()

    def read(self, at: int, length: int) -> bytearray:
        """Return a part, until the same thread reads the next; of a file cut short, other bytes."""
        data: bytearray = getattr(self._own, "data", bytearray())
        if len(data) != length:
            self._own.data = data = bytearray(length)
        with self._path.open("rb", buffering=0) as file, memoryview(data) as view:
            file.seek(at)
            filled = 0
            while read := file.readinto(view[filled:]):
                filled += read
        return data


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
                Bucket=self._bucket, Key=key, Body=data, **_sha256_is(checksum)
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

        reader = _Reader(path)

        def send(at: int) -> _Part:
            data = reader.read(at, min(span, size - at))
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

    def _send_part(self, data: bytearray, number: int, upload: dict[str, str]) -> _Part:
        view = memoryview(data)
        hashes = [
            sha256(view[at : at + PART_BYTES]).digest() for at in range(0, len(data), PART_BYTES)
        ]
        own = hashes[0] if len(hashes) == 1 else sha256(data).digest()
        checksum = b64encode(own).decode()
        answer = self._ask(
            lambda: self._client.upload_part(
                **upload, PartNumber=number, Body=data, **_sha256_is(checksum)
            ),
            len(data),
        )
        told = {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}
        return _Part(told, _confirms(answer, checksum, data), hashes)

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


def _sha256_is(checksum: str) -> dict[str, str]:
    """Return what has a server compare a body: some answer with it only where it is named."""
    return {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": checksum}


def _base64(digest: str) -> str:
    return b64encode(bytes.fromhex(digest)).decode()


def _confirms(answer: Any, checksum: str, data: bytes | bytearray) -> bool:
    """Whether a server says that it has the bytes: by their SHA-256, or by their MD5 as its ETag.

    An ETag is their MD5 where S3 does not encrypt with a key of its own; else it is another one.
    """
    return bool(answer.get("ChecksumSHA256") == checksum or _etag(answer) == _md5(data).hex())


def _confirms_parts(answer: Any, parts: list[_Part]) -> bool:
    """Whether a server says that it has made one object of these parts, all of which it confirmed.

    It does so by a hash of their hashes: of their SHA-256s, or of their ETags, whatever these are.
    """
    if not all(part.confirmed for part in parts):
        return False
    number = len(parts)
    joined_sha256 = sha256(b"".join(b64decode(part.told["ChecksumSHA256"]) for part in parts))
    if answer.get("ChecksumSHA256") == f"{b64encode(joined_sha256.digest()).decode()}-{number}":
        return True
    try:
        etags = b"".join(bytes.fromhex(_etag(part.told)) for part in parts)
    except ValueError:
        return False
    return _etag(answer) == f"{_md5(etags).hex()}-{number}"


def _etag(told: Any) -> str:
    return str(told.get("ETag", "")).strip('"')


def _md5(data: bytes | bytearray) -> bytes:
    return md5(data, usedforsecurity=False).digest()
