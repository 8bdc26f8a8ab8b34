"""What was submitted: one object in S3 beside the run's log, which the job's environment names.

    <prefix>remote/<name>/experiment.json
    <prefix>remote/<name>/log/…            log.py

Invariants (tests/experiment/remote/tuning/test_record.py holds each one):
- what was written is read as it was, and an object of another kind is refused by name;
- a name is one that the service allows, says which benchmark it is of, and is nobody else's.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pytest_synebench.backends.sagemaker.reaping.tuners import FILE
from pytest_synebench.checkpoints.s3.address import Address
from pytest_synebench.checkpoints.s3.asking import Asking
from pytest_synebench.clock import Clock
from pytest_synebench.errors import StoreError
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.store.directories import STAMP
from pytest_synebench.training.agent.told import fields

SCHEMA = 1
_UNSAFE = re.compile(r"[^a-zA-Z0-9]+")
_SLUG_CHARACTERS = 30  #: leaves what time, chance and the number of a life take at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One experiment that was submitted."""

    name: str  #: of the first job, by which it is followed
    title: str  #: <benchmark>::<id>
    benchmark: str
    run: str  #: <benchmark>/<setup>/<directory>, as below the folder of runs
    folder: str  #: in which pytest was started, from the root directory
    settings: Mapping[str, str]  #: text of each parameter that was typed, by its key
    groups: str  #: --argument_groups
    request: Mapping[str, Any]  #: fields of CreateTrainingJob

    @property
    def node(self) -> str:
        """Node id of the experiment."""
        return f"synebench::{self.title}"

    def to_json(self) -> bytes:
        """Return the bytes of the object."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}).encode()

    @classmethod
    def of_json(cls, data: bytes) -> Record:
        """Read the object.

        Raises:
            StoreError: it is none.
        """
        try:
            return cls(**fields(data, SCHEMA, _KINDS))
        except ValueError as error:
            raise StoreError(
                f"what was submitted cannot be read: {error}; the package here and the one that "
                "submitted it must be of one version"
            ) from None


_KINDS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("name", "title", "benchmark", "run", "folder", "groups"), (str,)),
    **dict.fromkeys(("settings", "request"), (dict,)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An experiment, a moment and a draw: what job and directory are called by."""

    name: str  #: of the job
    run: str  #: <benchmark>/<setup>/<directory>

    @classmethod
    def now(cls, plan: Plan, clock: Clock) -> Named:
        """Return names that no other submission has."""
        moment, drawn = clock.utc(), secrets.token_hex(3)
        directory = f"r{plan.run_id}-{moment.strftime(STAMP)}-{drawn}"
        slug = _UNSAFE.sub("-", plan.benchmark).strip("-")[:_SLUG_CHARACTERS].strip("-") or "run"
        return cls(
            name=f"{slug}-{moment.strftime('%Y%m%dT%H%M%S')}-{drawn}",
            run=f"{plan.benchmark}/{plan.setup}/{directory}",
        )


def bucket_and_place(url: str) -> tuple[str, str]:
    """Return bucket and place of a record, given its URL.

    Raises:
        UsageError: it is no URL of S3.

    >>> bucket_and_place("s3://team/hpo/remote/toy/experiment.json")
    ('team', 'hpo/remote/toy/')
    """
    address = Address.of(url)
    return address.bucket, address.prefix.removesuffix(f"{FILE}/")


def read(client: Any, url: str, ask: Asking) -> Record:
    """Return the record at a URL.

    Raises:
        StoreError: the bucket cannot be used, or it is no record.
        botocore.exceptions.ClientError: 404: it is not there.
    """
    bucket, where = bucket_and_place(url)
    data = ask(lambda: client.get_object(Bucket=bucket, Key=f"{where}{FILE}")["Body"].read())
    return Record.of_json(data)
