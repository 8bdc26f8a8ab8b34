"""Which training jobs of an account are of ours: pure.

A name that looks like ours proves nothing. But a job of ours says where its orders are, its name
has the hash of the run that they belong to, and both name one attempt. Who has not made a job in
this way has no such pair.

Invariants (tests/backends/sagemaker/reaping/test_ours.py holds each one):
- a job that the back-end makes is found again, with its run and attempt, whatever those are called;
- one whose name, run or attempt differs in a single sign is nobody's of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_synebench.backends.protocol import AttemptKey
from pytest_synebench.backends.sagemaker.names import Names
from pytest_synebench.errors import BackendError
from pytest_synebench.training.agent import letters
from pytest_synebench.training.agent.orders import VARIABLE
from pytest_synebench.trial import TrialId

_NAME = re.compile(r"[a-zA-Z0-9-]+-[a-z2-7]{16}-\d{6}-\d{4}", re.ASCII)
_URL = re.compile(r"s3://([^/]+)/(.+/)jobs/(\d{8,})/(\d{6,})/orders\.json", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A job of ours."""

    name: str
    run: str  #: <benchmark>/<setup>/<directory>, as below ``runs`` of the storage it is from
    key: AttemptKey


def may_be_ours(name: str) -> bool:
    """Whether a job with this name is worth a closer look."""
    return _NAME.fullmatch(name) is not None


def ours(job: Mapping[str, Any]) -> Ours | None:
    """Return which job of ours this is, by its description; None: it is none."""
    name = str(job["TrainingJobName"])
    url = str(job.get("Environment", {}).get(VARIABLE, ""))
    found = _URL.fullmatch(url)
    if found is None or not may_be_ours(name):
        return None
    bucket, experiment = found[1], found[2]
    key = AttemptKey(TrialId(int(found[3])), int(found[4]))
    if url != f"s3://{bucket}/{letters.orders(experiment, *key)}":
        return None
    for run in _runs(experiment):
        if _name(run, key) == name:
            return Ours(name=name, run=run, key=key)
    return None


def _runs(experiment: str) -> Iterator[str]:
    """Yield what the run may be called: a prefix of the bucket stands before it, or none does."""
    parts = experiment.rstrip("/").split("/")
    if not {"", ".", ".."} & set(parts):
        yield from ("/".join(parts[first:]) for first in range(len(parts)))


def _name(run: str, key: AttemptKey) -> str | None:
    try:
        return Names(run.partition("/")[0], run).job(key)
    except BackendError:
        return None
