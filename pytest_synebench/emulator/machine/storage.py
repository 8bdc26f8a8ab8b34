"""What a job reads from S3 and leaves there: channels, checkpoints, its model.

Invariants (tests/emulator/machine/test_storage.py holds each one):
- checkpoints come from S3 at the start only; afterwards S3 follows the folder, deletions included;
- what others put under the prefix meanwhile is neither copied in nor deleted;
- no key, however it is spelled, is written outside of its folder.

Source: AWS, guide "Checkpoints in SageMaker AI". How often the folder is looked at is nowhere
published (ASSUMED-07).
"""

from __future__ import annotations

import contextlib
import io
import tarfile
import threading
from pathlib import Path
from typing import Any


class UnreadableError(Exception):
    """A prefix cannot be brought to a machine; the text says why."""


def split(uri: str) -> tuple[str, str]:
    """Return bucket and key of an S3 URI.

    >>> split("s3://team/runs/a")
    ('team', 'runs/a')
    """
    bucket, _, key = uri.partition("://")[2].partition("/")
    return bucket, key


def download(client: Any, uri: str, folder: Path) -> dict[str, Path]:
    """Bring every object that begins with a prefix into a folder; return them by their keys.

    Raises:
        UnreadableError: there is no such bucket, or a key leads out of the folder.
    """
    from botocore.exceptions import ClientError

    bucket, prefix = split(uri)
    brought = {}
    try:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", ()):
                key = item["Key"]
                if key.endswith("/"):
                    continue
                place = _place(folder, key, prefix)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())
                brought[key] = place
    except (ClientError, OSError) as error:
        raise UnreadableError(f"{uri}: {error}") from None
    return brought


def _place(folder: Path, key: str, prefix: str) -> Path:
    below = key[len(prefix) :].lstrip("/") or key.rpartition("/")[2]
    if ".." in below.split("/"):
        raise UnreadableError(f"the key {key!r} leads out of its folder")
    return folder / below


def upload_model(client: Any, uri: str, folder: Path) -> None:
    """Put a folder into S3 as one compressed archive."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name)
    bucket, key = split(uri)
    client.put_object(Bucket=bucket, Key=key, Body=packed.getvalue())


class Checkpoints:
    """Keeps S3 as a folder is."""

    def __init__(self, client: Any, uri: str, folder: Path) -> None:
        self._client = client
        self._uri = uri
        self._bucket, self._prefix = split(uri.rstrip("/") + "/")
        self._folder = folder
        self._seen: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def restore(self) -> None:
        """Bring what is in S3 into the folder.

        Raises:
            UnreadableError: it cannot be.
        """
        brought = download(self._client, self._uri.rstrip("/") + "/", self._folder)
        for key, path in brought.items():
            self._seen[key] = _state(path)

    def sync(self) -> None:
        """Put into S3 what is new in the folder; delete there what was deleted here."""
        with self._lock:
            there = {}
            for path in sorted(self._folder.rglob("*")):
                with contextlib.suppress(FileNotFoundError):  # it went while we looked
                    if path.is_file():
                        there[self._key(path)] = (path, _state(path))
            for key, (path, state) in there.items():
                if self._seen.get(key) != state:
                    self._put(key, path, state)
            for key in self._seen.keys() - there.keys():
                self._client.delete_object(Bucket=self._bucket, Key=key)
                del self._seen[key]

    def _put(self, key: str, path: Path, state: tuple[int, int]) -> None:
        try:
            body = path.read_bytes()
        except FileNotFoundError:
            return
        self._client.put_object(Bucket=self._bucket, Key=key, Body=body)
        self._seen[key] = state

    def _key(self, path: Path) -> str:
        return self._prefix + path.relative_to(self._folder).as_posix()


def _state(path: Path) -> tuple[int, int]:
    told = path.stat()
    return told.st_mtime_ns, told.st_size
