"""Where things are in the bucket: every key of ours is made here.

    <prefix>/<experiment>/blobs/<sha256>
    <prefix>/<experiment>/trials/<trial, 8 digits>/<attempt, 6 digits>/<level, 8 digits>.json
    <prefix>/<experiment>/controller

Invariants (tests/checkpoints/s3/test_address.py holds each one):
- no key of one trial begins with the prefix of another's: trial 1 never meets trial 10;
- a key gives back the place it was made of, and nothing else does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.errors import UsageError
from pytest_synebench.trial import TrialId

SCHEME = "s3://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_KEY = re.compile(r"(\d{8,})/(\d{6,})/(\d{8,})\.json", re.ASCII)


def is_bucket(name: str) -> bool:
    """Whether a bucket can be called so.

    >>> is_bucket("team"), is_bucket("No_Such Bucket")
    (True, False)
    """
    return _BUCKET.fullmatch(name) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A bucket, and what every key of one experiment begins with."""

    bucket: str
    prefix: str  #: "" or ending with a slash

    @classmethod
    def of(cls, url: str, experiment: str = "") -> Address:
        """Read ``s3://bucket/prefix``.

        Args:
            url: of the store.
            experiment: name that no other experiment in the store has; slashes may be in it.

        Raises:
            UsageError: it is no such URL.

        >>> Address.of("s3://team/hpo/", "toy/r0").blob("ab")
        'hpo/toy/r0/blobs/ab'
        """
        bucket, _, path = url.removeprefix(SCHEME).partition("/")
        parts = [part for part in f"{path}/{experiment}".split("/") if part]
        if not url.startswith(SCHEME) or not is_bucket(bucket):
            raise UsageError(
                f"{url!r} names no bucket; write s3://BUCKET/PREFIX, where a bucket's name has 3 "
                "to 63 small letters, digits, dots and hyphens"
            )
        return cls(bucket=bucket, prefix="".join(f"{part}/" for part in parts))

    def blob(self, sha256: str) -> str:
        """Return the key of a file's bytes."""
        return f"{self.prefix}blobs/{sha256}"

    @property
    def controller(self) -> str:
        """The key of the name of who keeps checkpoints here."""
        return f"{self.prefix}controller"

    def trial(self, trial_id: TrialId | None) -> str:
        """Return what the keys of a trial's manifests begin with, and no other trial's; None: all.

        >>> Address.of("s3://team").trial(TrialId(3))
        'trials/00000003/'
        """
        return f"{self.prefix}trials/" + ("" if trial_id is None else f"{trial_id:08d}/")

    def manifest(self, place: Place) -> str:
        """Return the key of a checkpoint's manifest."""
        return f"{self.trial(place.trial_id)}{place.attempt:06d}/{place.level:08d}.json"

    def place(self, key: str) -> Place | None:
        """Return what a key is the manifest of; None: of nothing of ours."""
        found = _KEY.fullmatch(key.removeprefix(f"{self.prefix}trials/"))
        if found is None:
            return None
        trial, attempt, level = map(int, found.groups())
        place = Place(TrialId(trial), attempt, level)
        return place if self.manifest(place) == key else None
