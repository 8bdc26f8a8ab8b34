"""Requests and answers without anything of their owner's.

What is not known to be harmless is replaced: a string stays as it is only in the fields that are
listed here. What replaces it is a value that the service would take, so that a request can be sent
again, to an emulator.

Invariants (tests/backends/sagemaker/recording/test_redaction.py holds each one):
- no string of a request or an answer survives outside of the listed fields, nor a key of a mapping;
- equal job names stay equal, and different ones different;
- numbers, truth values and the shape of what is redacted stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

ACCOUNT = "111122223333"  #: as in AWS's own examples
WORD = "redacted"
URI = f"s3://{WORD}/{WORD}/"
IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/{WORD}:1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/{WORD}"
_KEPT = frozenset(
    {"TrainingJobStatus", "SecondaryStatus", "Status", "Code", "InstanceType", "ChannelName"}
    | {"TrainingInputMode", "InputMode", "S3DataType", "S3DataDistributionType", "CompressionType"}
    | {"SortBy", "SortOrder", "StatusEquals", "Resource", "Operator", "ChecksumAlgorithm"}
)
_JOBS = frozenset({"TrainingJobName"})
_STAND_INS = {
    "RoleArn": ROLE,
    "TrainingImage": IMAGE,
    "S3Uri": URI,
    "S3OutputPath": URI,
    "S3ModelArtifacts": URI,
    "NameContains": "job",
}
_TIMES = frozenset({"LastModifiedTimeAfter", "LastModifiedTimeBefore", "CreationTimeAfter"})


class Redaction:
    """Redacts what belongs to one recording."""

    def __init__(self, begun_s: float) -> None:
        """Begin.

        Args:
            begun_s: when the recording did, in seconds since 1970: times are told from there on.
        """
        self._begun_s = begun_s
        self._jobs: dict[str, str] = {}

    def __call__(self, value: Any, name: str = "") -> Any:
        """Return a value, redacted; ``name`` is that of the field that holds it."""
        if isinstance(value, Mapping):
            return self._mapping(value, name)
        if isinstance(value, list | tuple):
            return [self(one, name) for one in value]
        if isinstance(value, datetime):
            return round(value.timestamp() - self._begun_s, 3)
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int | float):
            return round(value - self._begun_s, 3) if name in _TIMES else value
        if isinstance(value, bytes | bytearray):
            return {"bytes": len(value)}
        return self._text(value, name) if isinstance(value, str) else WORD

    def job(self, name: str) -> str:
        """Return what a job is called here.

        >>> redaction = Redaction(0.0)
        >>> redaction.job("mine"), redaction.job("other"), redaction.job("mine")
        ('job-1', 'job-2', 'job-1')
        """
        return self._jobs.setdefault(name, f"job-{len(self._jobs) + 1}")

    def _mapping(self, value: Mapping[str, Any], name: str) -> dict[str, Any]:
        if name in {"HyperParameters", "Environment", "Metadata"}:
            return {f"{WORD}_{number}": WORD for number, _ in enumerate(value, start=1)}
        return {key: self(part, key) for key, part in value.items()}

    def _text(self, value: str, name: str) -> str:
        if name in _JOBS:
            return self.job(value)
        if name == "ContainerEntrypoint" and value.startswith(("/opt/ml/", "python")):
            return value
        if name == "FailureReason":  # its beginning says whose failure it was
            return f"{value.partition(':')[0]}: {WORD}" if ":" in value else WORD
        return value if name in _KEPT else _STAND_INS.get(name, WORD)
