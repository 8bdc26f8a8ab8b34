"""Finds runs in S3: metadata at once, a journal and a table when somebody asks for a run's trials.

Nothing else of a run is fetched, whatever lies beside it. Files are kept for as long as the runs.

Invariants (tests/experiment/keeping/test_results_copy.py):
- what is read back equals what the run's own directory gives;
- no key leads out of the folder that files are kept in;
- metadata that cannot be read costs that run only.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

from pytest_synebench.checkpoints.s3.address import SCHEME, Address
from pytest_synebench.checkpoints.s3.asking import Asking, new_client
from pytest_synebench.checkpoints.s3.causes import status
from pytest_synebench.errors import RunError, StoreError
from pytest_synebench.events import Closed
from pytest_synebench.experiment.store.finding import Found, Head

_METADATA, _JOURNAL, _RESULTS = "metadata.json", "journal.jsonl", "results.csv.gz"
_AT_ONCE = 8
_TRIES = 6


class Bucket:
    """What is below one URL, and where files from there are kept."""

    def __init__(self, url: str, client: Any = None) -> None:
        """Name the place.

        Raises:
            UsageError: it is no URL of S3.
            StoreError: boto3 is not installed, or cannot be configured.
        """
        self._address = Address.of(url)
        self._client = client or new_client()
        self._ask = Asking(url, tries=_TRIES)
        self.folder = Path(tempfile.mkdtemp(prefix="synebench-runs-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def listed(self) -> list[str]:
        """Return the keys of metadata.

        Raises:
            StoreError: the bucket cannot be used.
        """
        pages = self._client.get_paginator("list_objects_v2")
        where = {"Bucket": self._address.bucket, "Prefix": self._address.prefix}
        return self._ask(
            lambda: [
                entry["Key"]
                for page in pages.paginate(**where)
                for entry in page.get("Contents", ())
                if entry["Key"].rpartition("/")[2] == _METADATA
            ]
        )

    def place(self, key: str) -> Path:
        """Return where a run is kept here, by the key of its metadata.

        Raises:
            RunError: it would lie outside of the folder.
        """
        parts = PurePosixPath(key.removeprefix(self._address.prefix)).parent.parts
        if any(part in ("..", "/") for part in parts):
            raise RunError(f"{SCHEME}{self._address.bucket}/{key} is no key of a run of ours")
        return self.folder.joinpath(*parts)

    def fetch(self, key: str, names: Iterable[str]) -> Path:
        """Bring files of a run here, unless they are; return the run's folder.

        Raises:
            StoreError: the bucket cannot be used.
        """
        directory = self.place(key)
        directory.mkdir(parents=True, exist_ok=True)
        for name in names:
            if not (directory / name).exists():
                data = self._read(f"{key.removesuffix(_METADATA)}{name}")
                if data is not None:
                    (directory / name).write_bytes(data)
        return directory

    def _read(self, key: str) -> bytes | None:
        where = {"Bucket": self._address.bucket, "Key": key}
        try:
            data: bytes = self._ask(lambda: self._client.get_object(**where)["Body"].read())
        except StoreError:
            raise
        except Exception as error:
            if status(error) == 404:
                return None
            raise StoreError(f"{SCHEME}{self._address.bucket}/{key}: {error}") from error
        return data


def find_in_s3(url: str, client: Any = None) -> Found:
    """Return the runs below a URL, oldest first.

    Raises:
        UsageError: it is no URL of S3.
        StoreError: the bucket cannot be used.
    """
    bucket, found = Bucket(url, client), Found()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        heads = [(key, pool.submit(_head, bucket, key)) for key in bucket.listed()]
    for key, future in heads:
        try:
            found.runs.append(future.result())
        except (RunError, ValueError) as error:
            found.problems[Path(key)] = f"{key}: {error}"
    found.runs.sort(key=lambda one: one.directory.name.split("-", 1)[-1])
    return found


def _head(bucket: Bucket, key: str) -> Head:
    directory = bucket.fetch(key, [_METADATA])
    metadata = json.loads((directory / _METADATA).read_bytes())
    if not isinstance(metadata, dict):
        raise RunError("its metadata is no mapping")
    outcome = metadata.get("outcome")
    closed = None
    if isinstance(outcome, dict):
        finished, reason = bool(outcome.get("finished")), str(outcome.get("reason", ""))
        closed = Closed(at_s=0.0, finished=finished, reason=reason)

    def fetch() -> None:
        bucket.fetch(key, [_JOURNAL, _RESULTS])

    return Head(directory, metadata, closed, fetch)
