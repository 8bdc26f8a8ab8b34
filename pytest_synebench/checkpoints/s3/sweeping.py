"""Removes the blobs that no manifest refers to: mark, then sweep.

Blobs are listed first and manifests read afterwards, so one whose manifest follows it is never
missed. A manifest never changes: it is read once.

Invariants (testing/checkpoint_collection_suite.py, tests/checkpoints/s3/, tests/faults/):
- a blob that a manifest refers to is never removed, also where a listing does not show the
  manifest, as long as its place is known;
- where one manifest cannot be read nothing is removed: what it refers to is not known;
- what is younger than the grace stays, by the server's own clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pytest_synebench.checkpoints.manifest import Manifest
from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.checkpoints.s3.address import Address
from pytest_synebench.checkpoints.s3.asking import Asking
from pytest_synebench.checkpoints.s3.causes import status
from pytest_synebench.checkpoints.s3.crowd import at_once
from pytest_synebench.checkpoints.s3.in_use import InUse
from pytest_synebench.errors import CheckpointError


class Sweep:
    """Collects the blobs of one experiment, again and again."""

    def __init__(self, client: Any, address: Address, ask: Asking, in_use: InUse) -> None:
        """Know the bucket.

        Args:
            client: of boto3, whose requests are asked once.
            address: of the experiment.
            ask: repeats requests.
            in_use: what keeps rely on meanwhile.
        """
        self._client = client
        self._address = address
        self._ask = ask
        self._in_use = in_use
        self._named: dict[Place, frozenset[str]] = {}

    def note(self, place: Place, told: Manifest) -> None:
        """Remember what a manifest refers to."""
        self._named[place] = frozenset(str(file["sha256"]) for file in told.files.values())

    def __call__(
        self,
        places: Callable[[], Iterable[Place]],
        read: Callable[[Place], Manifest | None],
        grace_s: float,
    ) -> None:
        """Remove what nobody refers to.

        Args:
            places: of all manifests.
            read: one of them; None: it is gone.
            grace_s: what is younger stays.

        Raises:
            CheckpointError: a manifest cannot be read; nothing was removed.
            StoreError: the bucket cannot be used.
        """
        self._in_use.begin()
        found = list(self._old(grace_s))
        marked = self._mark(set(places()), read) if found else set()
        unmarked = (digest for digest in found if digest not in marked)
        at_once(self._remove, dict.fromkeys(unmarked, 0))

    def _remove(self, digest: str) -> None:
        with self._in_use.removing(digest) as free:
            if free:
                self._delete(self._address.blob(digest))

    def uploads(self, grace_s: float) -> None:
        """Give up the uploads in parts that a killed process has begun.

        Raises:
            StoreError: the bucket cannot be used.
        """
        for page in self._pages("list_multipart_uploads"):
            for one in page.get("Uploads", []):
                digest = one["Key"].removeprefix(self._address.blob(""))
                if _age_s(page, one["Initiated"]) < grace_s:
                    continue
                with self._in_use.removing(digest) as free:
                    if free:
                        self._abort(one["Key"], one["UploadId"])

    def _old(self, grace_s: float) -> Iterator[str]:
        for page in self._pages("list_objects_v2"):
            for entry in page.get("Contents", []):
                if _age_s(page, entry["LastModified"]) >= grace_s:
                    yield entry["Key"].removeprefix(self._address.blob(""))

    def _pages(self, what: str) -> list[Any]:
        pages = self._client.get_paginator(what)
        prefix = self._address.blob("")
        return self._ask(lambda: list(pages.paginate(Bucket=self._address.bucket, Prefix=prefix)))

    def _mark(self, places: set[Place], read: Callable[[Place], Manifest | None]) -> set[str]:
        for gone in self._named.keys() - places:
            del self._named[gone]
        for place in places - self._named.keys():
            try:
                told = read(place)
            except CheckpointError as error:
                raise CheckpointError(
                    f"nothing is collected, since what trial {place.trial_id}'s checkpoint of "
                    f"level {place.level} refers to is not known: {error}"
                ) from None
            if told is not None:
                self.note(place, told)
        return {digest for named in self._named.values() for digest in named}

    def _delete(self, key: str) -> None:
        self._ask(lambda: self._client.delete_object(Bucket=self._address.bucket, Key=key))

    def _abort(self, key: str, upload_id: str) -> None:
        try:
            self._ask(
                lambda: self._client.abort_multipart_upload(
                    Bucket=self._address.bucket, Key=key, UploadId=upload_id
                )
            )
        except Exception as error:
            if status(error) != 404:  # else it is gone already
                raise


def _age_s(page: Any, since: datetime) -> float:
    """Return an age by the server's clock, in seconds; 0: it does not tell the time."""
    told = page.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return (parsedate_to_datetime(told) - since).total_seconds() if told else 0.0
