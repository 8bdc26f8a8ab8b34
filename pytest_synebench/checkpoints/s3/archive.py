"""The archive in S3: blobs by hash, then the manifest that makes them a checkpoint.

A manifest is written last, with ``If-None-Match``, and is the bytes of ``manifest.json`` as the
trial saved it: so a checkpoint has one hash on disk and in the bucket.

Invariants (testing/checkpoint_*_suite.py, tests/checkpoints/s3/, tests/faults/):
- a manifest that can be read names blobs that were all kept before it;
- a 412 is success where the bytes there are ours: an earlier answer was lost;
- other bytes at the same place are an error, and stay;
- nothing is loaded by what a listing says: it only tells where to look.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any

from pytest_synebench.checkpoints import manifest
from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.checkpoints.s3.address import Address
from pytest_synebench.checkpoints.s3.asking import BACKOFF_S, TRIES, Asking, new_client
from pytest_synebench.checkpoints.s3.blobs import Blobs
from pytest_synebench.checkpoints.s3.causes import Damaged, status
from pytest_synebench.checkpoints.s3.crowd import at_once
from pytest_synebench.checkpoints.s3.in_use import InUse
from pytest_synebench.checkpoints.s3.new_object import put_new
from pytest_synebench.checkpoints.s3.sweeping import Sweep
from pytest_synebench.errors import CheckpointError, StoreError
from pytest_synebench.trial import CheckpointRef, TrialId

_PREFLIGHT_TRIES = 6


class S3Archive:
    """Keeps the checkpoints of one experiment in a bucket."""

    def __init__(
        self,
        url: str,
        experiment: str = "",
        *,
        client: Any = None,
        tries: int = TRIES,
        backoff_s: float = BACKOFF_S,
        chance: random.Random | None = None,
    ) -> None:
        """Name the bucket; asks nothing of it yet.

        Args:
            url: ``s3://bucket/prefix``; where that is served: ``AWS_ENDPOINT_URL``.
            experiment: name that no other experiment in the bucket has.
            client: of boto3, whose requests are asked once; None: a new one.
            tries: requests until one is given up.
            backoff_s: longest first wait between two, in seconds.
            chance: draws the waits.

        Raises:
            UsageError: it is no such URL.
            StoreError: boto3 is not installed, or cannot be configured.
        """
        self.address = Address.of(url, experiment)
        self._where = f"s3://{self.address.bucket}/{self.address.prefix}"
        self._client = client or new_client()
        self._ask = Asking(self._where, tries=tries, backoff_s=backoff_s, chance=chance)
        # Who waits for the first trial wants to know soon.
        self._ask_soon = Asking(
            self._where,
            tries=min(tries, _PREFLIGHT_TRIES),
            backoff_s=backoff_s,
            chance=chance,
            pace=self._ask.pace,
        )
        self._in_use = InUse()
        self._one_sweep = Lock()
        self._sweep = Sweep(self._client, self.address, self._ask, self._in_use)
        self._blobs = Blobs(self._client, self.address, self._ask)

    def keep(self, checkpoint: Path, place: Place) -> CheckpointRef:
        """Copy a checkpoint; when this returns, all of it is kept, and was compared.

        Raises:
            CheckpointError: it is not whole, or other bytes are kept at this place.
            StoreError: the bucket cannot be used.
        """
        try:
            data = (checkpoint / manifest.NAME).read_bytes()
            told = manifest.parse(data)
            _check(told, place)
            with self._in_use.holding(_digests(told)):
                by_digest = {file["sha256"]: name for name, file in told.files.items()}
                at_once(
                    lambda name: self._blobs.put(checkpoint / name, name, **_blob(told, name)),
                    {name: told.files[name]["size"] for name in by_digest.values()},
                )
                self._put_manifest(data, told, place)
        except OSError as error:
            raise CheckpointError(f"{checkpoint} cannot be read: {error}") from None
        return _ref(told, place)

    def copy(self, source: Place, target: Place, sha256: str) -> CheckpointRef:
        """Keep what is kept already as another trial's checkpoint: one more manifest.

        Raises:
            CheckpointError: there is no such checkpoint, or other bytes are kept at ``target``.
            StoreError: the bucket cannot be used.
        """
        told = self._known(source, sha256)[1]
        data = manifest.bytes_for(told, target.trial_id)
        copied = manifest.parse(data)
        _check(copied, target)
        with self._in_use.holding(_digests(told)):
            at_once(lambda name: self._must_be_there(told, name), dict.fromkeys(told.files, 0))
            self._put_manifest(data, copied, target)
        return _ref(copied, target)

    def find(self, trial_id: TrialId | None = None) -> list[Place]:
        """Return where checkpoints of a trial, or of all, seem to be kept, newest history first.

        Raises:
            StoreError: the bucket cannot be used.
        """
        prefix = self.address.trial(trial_id)
        pages = self._client.get_paginator("list_objects_v2")
        found = self._ask(
            lambda: [
                entry["Key"]
                for page in pages.paginate(Bucket=self.address.bucket, Prefix=prefix)
                for entry in page.get("Contents", [])
            ]
        )
        places = [place for key in found if (place := self.address.place(key)) is not None]
        return sorted(places, key=lambda place: (-place.trial_id, place.age), reverse=True)

    def restore(self, place: Place, checkpoints: Path, sha256: str | None = None) -> CheckpointRef:
        """Bring a checkpoint back; when this returns, it is whole, and on this machine's disk.

        Raises:
            CheckpointError: there is none, or not as it was kept; nothing is left of it here.
            StoreError: the bucket cannot be used; likewise.
        """
        data, told = self._known(place, sha256)

        def fill(part: str) -> None:
            for name in told.files:
                Path(part, name).parent.mkdir(parents=True, exist_ok=True)
            at_once(
                lambda name: self._blobs.fetch(Path(part, name), name, **_blob(told, name)),
                {name: file["size"] for name, file in told.files.items()},
            )
            Path(part, manifest.NAME).write_bytes(data)

        try:
            manifest.install(str(checkpoints), place.level, fill)
        except OSError as error:
            raise CheckpointError(f"it cannot be written to {checkpoints}: {error}") from error
        return _ref(told, place)

    def remove(self, place: Place) -> None:
        """Have no checkpoint at a place: its manifest goes, its blobs when nobody refers to them.

        Raises:
            StoreError: the bucket cannot be used.
        """
        key = self.address.manifest(place)
        self._ask(lambda: self._client.delete_object(Bucket=self.address.bucket, Key=key))

    def collect(self, known: Iterable[Place] = (), grace_s: float = 0.0) -> None:
        """Remove blobs that no manifest refers to, and uploads in parts that were begun.

        Raises:
            CheckpointError: a manifest cannot be read; nothing was removed.
            StoreError: the bucket cannot be used.
        """
        # No listing is believed to show all that is kept: what is known is read as well.
        known = set(known)
        with self._one_sweep:
            self._sweep(lambda: {*self.find(), *known}, self._manifest_or_none, grace_s)
            self._sweep.uploads(grace_s)

    def claim(self, who: str) -> str:
        """Write down who keeps checkpoints here now; return who did before, "" for nobody.

        Raises:
            StoreError: the bucket cannot be used.
        """
        before = self.claimant()
        self._ask(
            lambda: self._client.put_object(
                Bucket=self.address.bucket, Key=self.address.controller, Body=who.encode()
            )
        )
        return before

    def claimant(self) -> str:
        """Return who has claimed it last, "" for nobody.

        Raises:
            StoreError: the bucket cannot be used.
        """
        which = {"Bucket": self.address.bucket, "Key": self.address.controller}
        try:
            told: bytes = self._ask(lambda: self._client.get_object(**which)["Body"].read())
        except Exception as error:
            if status(error) != 404:
                raise
            return ""
        return told.decode(errors="replace")

    def preflight(self) -> None:
        """Write, read and delete an object of its own.

        Raises:
            StoreError: one of them failed: why, and the way out.
        """
        data = secrets.token_bytes(16)
        probe = {"Bucket": self.address.bucket, "Key": f"{self.address.prefix}probe-{data.hex()}"}
        try:
            self._ask_soon(lambda: self._client.put_object(**probe, Body=data))
            read = self._ask_soon(lambda: self._client.get_object(**probe)["Body"].read())
            self._ask_soon(lambda: self._client.delete_object(**probe))
        except Exception as error:
            if isinstance(error, StoreError):
                raise
            raise StoreError(
                f"{self._where}: what was written a moment ago is not there: {error}"
            ) from error
        if read != data:
            raise StoreError(f"{self._where}: what was written comes back as other bytes")

    def close(self) -> None:
        """Have verbs give up: at once where they wait, else after what is under way."""
        self._ask.close()
        self._ask_soon.close()

    def _must_be_there(self, told: manifest.Manifest, name: str) -> None:
        if not self._blobs.is_there(**_blob(told, name)):
            raise CheckpointError(f"{name!r} is in the manifest but not in the store")

    def _manifest_or_none(self, place: Place) -> manifest.Manifest | None:
        try:
            return self._get_manifest(place)[1]
        except Missing:
            return None

    def _known(self, place: Place, sha256: str | None) -> tuple[bytes, manifest.Manifest]:
        """Return the manifest of a place, where it is the one that is known."""
        data, told = self._get_manifest(place)
        _check(told, place)
        if sha256 is not None and told.sha256 != sha256:
            raise CheckpointError(f"its manifest is {told.sha256[:12]}…, not {sha256[:12]}…")
        return data, told

    def _put_manifest(self, data: bytes, told: manifest.Manifest, place: Place) -> None:
        key = self.address.manifest(place)
        new = put_new(self._ask, self._client, self.address.bucket, key, data)
        # There is one: ours, whose answer was lost or which is kept again; or another's.
        if not new and self._get_manifest(place)[0] != data:
            raise CheckpointError(
                f"another checkpoint is kept as s3://{self.address.bucket}/{key}; it stays. "
                "Two controllers write one experiment, or a history was begun anew"
            )
        self._sweep.note(place, told)

    def _get_manifest(self, place: Place) -> tuple[bytes, manifest.Manifest]:
        key = self.address.manifest(place)

        def get() -> tuple[bytes, manifest.Manifest]:
            answer = self._client.get_object(Bucket=self.address.bucket, Key=key)
            if answer["ContentLength"] > manifest.LARGEST_BYTES:
                raise CheckpointError(
                    f"its manifest has {answer['ContentLength']} bytes; at most "
                    f"{manifest.LARGEST_BYTES} are read"
                )
            body: bytes = answer["Body"].read()
            try:
                return body, manifest.parse(body)
            except CheckpointError as error:
                raise Damaged(str(error)) from None

        try:
            return self._ask(get)
        except Damaged as error:
            raise CheckpointError(str(error)) from None
        except Exception as error:
            if status(error) != 404:
                raise
            raise Missing(f"there is no s3://{self.address.bucket}/{key}") from None


class Missing(CheckpointError):  # noqa: N818 - what it is, among errors that say why
    """There is no such checkpoint."""


def _blob(told: manifest.Manifest, name: str) -> dict[str, Any]:
    file = told.files[name]
    return {"digest": file["sha256"], "size": file["size"]}


def _digests(told: manifest.Manifest) -> set[str]:
    return {str(file["sha256"]) for file in told.files.values()}


def _check(told: manifest.Manifest, place: Place) -> None:
    if told.level != place.level:
        raise CheckpointError(f"its manifest is of level {told.level}, not {place.level}")
    if told.trial != place.trial_id:
        raise CheckpointError(f"its manifest is of trial {told.trial}, not {place.trial_id}")


def _ref(told: manifest.Manifest, place: Place) -> CheckpointRef:
    return CheckpointRef(trial_id=place.trial_id, level=place.level, sha256=told.sha256)
