"""The directory of a run in S3: a log of what was added to it, numbered, and never changed.

    <prefix>log/<number, 8 digits>

Who adds an entry takes the next number, and S3 gives each number once. So a log has one writer:
who begins to write claims it by an entry of their own. The writer before meets that entry at its
next number, has lost the log, and adds nothing more, however long it was away.

Invariants (tests/experiment/remote/tuning/test_log.py holds each one):
- entries are read in the order in which they were written, without a gap, also meanwhile;
- once a log is claimed, no earlier writer adds anything to it;
- an entry whose answer was lost is there once.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from pytest_synebench.checkpoints.s3.asking import Asking
from pytest_synebench.checkpoints.s3.new_object import put_new
from pytest_synebench.errors import RunError, StoreError

_AT_ONCE = 8
_TRIES = 100  #: each is a race that was lost to a writer which is fenced by the next


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was added at one time."""

    writer: str  #: which life of the tuner
    grown: Mapping[str, bytes] = field(default_factory=dict)  #: file, what was added at its end
    whole: Mapping[str, bytes] = field(default_factory=dict)  #: file, all of it
    over: bool = False  #: the run has ended by a criterion, and nothing more comes

    def to_json(self) -> bytes:
        """Return the bytes of the object."""
        told = {
            "writer": self.writer,
            "grown": {name: b64encode(data).decode() for name, data in self.grown.items()},
            "whole": {name: b64encode(data).decode() for name, data in self.whole.items()},
            "over": self.over,
        }
        return json.dumps(told).encode()

    @classmethod
    def of_json(cls, data: bytes) -> Entry:
        """Read the object.

        Raises:
            StoreError: it is none.
        """
        try:
            told = json.loads(data)
            return cls(
                writer=str(told["writer"]),
                grown={name: b64decode(text) for name, text in told["grown"].items()},
                whole={name: b64decode(text) for name, text in told["whole"].items()},
                over=told["over"] is True,
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StoreError(
                f"an entry of the run's log cannot be read: {type(error).__name__}: {error}; the "
                "package here and the one in the job must be of one version"
            ) from None


class RunLog:
    """The log of one run."""

    def __init__(self, client: Any, bucket: str, prefix: str, ask: Asking) -> None:
        """Ask nothing yet.

        Args:
            client: of boto3, whose requests are asked once; may be used by several threads.
            bucket: where it is.
            prefix: of the run's keys, "" or ending with a slash.
            ask: asks requests again.
        """
        self._client, self._bucket, self._prefix, self._ask = client, bucket, prefix, ask
        self._next = 0  #: number of the entry that was not read or written yet

    def read_on(self) -> list[Entry]:
        """Return the entries after those that were read or written here.

        Raises:
            StoreError: the bucket cannot be used, or an entry is none.
        """
        numbers = self._listed()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(self._read, numbers))
        self._next += len(found)
        return [Entry.of_json(data) for data in found]

    def write(self, entry: Entry) -> None:
        """Add an entry; it is there when this returns.

        Raises:
            RunError: the log is another writer's by now.
            StoreError: the bucket cannot be used.
        """
        data = entry.to_json()
        if not self._put(self._next, data) and self._read(self._next) != data:
            raise RunError(
                f"the run at s3://{self._bucket}/{self._prefix} was taken over by another job of "
                "it: nothing more of it is kept from here"
            )
        self._next += 1

    def claim(self, writer: str) -> list[Entry]:
        """Become the one who writes; return all entries before.

        Raises:
            RunError: somebody writes faster than this can read.
            StoreError: the bucket cannot be used.
        """
        entries = self.read_on()
        for _ in range(_TRIES):
            try:
                self.write(Entry(writer=writer))
            except RunError:
                entries += self.read_on()
            else:
                return entries
        raise RunError(f"s3://{self._bucket}/{self._prefix}: another writer never stands still")

    def _listed(self) -> list[int]:
        """Return the numbers that follow without a gap."""
        where = {"Bucket": self._bucket, "Prefix": f"{self._prefix}log/"}
        if self._next:
            where["StartAfter"] = self._key(self._next - 1)
        pages = self._client.get_paginator("list_objects_v2")
        keys = self._ask(
            lambda: [
                item["Key"] for page in pages.paginate(**where) for item in page.get("Contents", ())
            ]
        )
        out = []
        for number, key in enumerate(keys, self._next):
            if key != self._key(number):
                break
            out.append(number)
        return out

    def _key(self, number: int) -> str:
        return f"{self._prefix}log/{number:08d}"

    def _read(self, number: int) -> bytes:
        where = {"Bucket": self._bucket, "Key": self._key(number)}
        data: bytes = self._ask(lambda: self._client.get_object(**where)["Body"].read())
        return data

    def _put(self, number: int, data: bytes) -> bool:
        """Write an object that must be new; return whether it was."""
        return put_new(self._ask, self._client, self._bucket, self._key(number), data)
