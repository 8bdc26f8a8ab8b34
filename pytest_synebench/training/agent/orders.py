"""What a job is told: one JSON object in the store, that its environment names.

Invariants (tests/training/agent/test_orders.py holds each one):
- what was written is read as it was;
- an object of another schema, or with a field missing or of another type, is refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pytest_synebench.errors import TrialError
from pytest_synebench.training.agent.told import fields

SCHEMA = 1
#: Names the object: ``s3://bucket/key``. Without it the job is no attempt of ours.
VARIABLE = "SYNEBENCH_JOB"


@dataclass(frozen=True)
class Orders:
    """All that one attempt of a trial needs to know, wherever it runs."""

    prefix: str  #: of the experiment's keys in the bucket, "" or ending with a slash
    trial: int
    attempt: int
    seed: int  #: of the trial, 0 <= seed < 2**32
    resource_attr: str | None
    until: int | None  #: level at which the attempt ends by itself; None: its own end
    known: list[list[Any]]  #: [attempt, level, SHA-256] of what it may load, newest first
    checkpoint_at: list[int] | None  #: levels to save at; [] every one; None: no checkpoints
    config: dict[str, Any]  #: as strict JSON writes it
    arguments: list[str]  #: of the script, the checkpoint directory's apart

    def to_json(self) -> bytes:
        """Return the bytes of the object."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, allow_nan=False).encode("ascii")

    @classmethod
    def of_json(cls, data: bytes) -> Orders:
        """Read the object.

        Raises:
            TrialError: it is not one of these.
        """
        try:
            return cls(**fields(data, SCHEMA, _KINDS))
        except ValueError as error:
            raise TrialError(
                f"the job's orders cannot be read: {error}; the package that travelled into the "
                "job and the one that wrote them must be of one version"
            ) from None


_KINDS: Mapping[str, tuple[type, ...]] = {
    "prefix": (str,),
    "trial": (int,),
    "attempt": (int,),
    "seed": (int,),
    "resource_attr": (str, type(None)),
    "until": (int, type(None)),
    "known": (list,),
    "checkpoint_at": (list, type(None)),
    "config": (dict,),
    "arguments": (list,),
}
