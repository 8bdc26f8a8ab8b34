"""Which training jobs of an account are tuners of ours, and which run one carries out: pure.

    toy-20260101T000000-ab12cd, toy-20260101T000000-ab12cd-2, …      names of one submission's jobs
    s3://BUCKET/<prefix>remote/toy-20260101T000000-ab12cd/experiment.json    where its record is

A job of ours says where its record is, and that place has its name: who has not made it in this way
has no such pair.

Invariants (tests/backends/sagemaker/reaping/test_tuners.py holds each one):
- a job that is submitted is found again, and so is each that goes on with its run;
- one whose name or record is another's is no tuner;
- a run is carried out by the submission that was made with it, and by no other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pytest_synebench.backends.sagemaker.tuner import VARIABLE

FOLDER, FILE = "remote", "experiment.json"
_NAME = re.compile(
    r"(?P<first>.+-(?P<moment>\d{8}T\d{6})-(?P<drawn>[0-9a-f]{6}))(?:-\d+)?", re.ASCII
)
_DIRECTORY = re.compile(r"r\d+-(?P<moment>\d{8}T\d{6})\.\d+Z-(?P<drawn>[0-9a-f]{6})", re.ASCII)


def first_name(job: str) -> str:
    """Return the name of a submission, given that of any of its jobs.

    >>> first_name("toy-20260101T000000-ab12cd-2"), first_name("toy-20260101T000000-ab12cd")
    ('toy-20260101T000000-ab12cd', 'toy-20260101T000000-ab12cd')
    """
    found = _NAME.fullmatch(job)
    return found["first"] if found else job


def place(prefix: str, name: str) -> str:
    """Return what the keys of a submission begin with.

    >>> place("hpo/", "toy-20260101T000000-ab12cd")
    'hpo/remote/toy-20260101T000000-ab12cd/'
    """
    return f"{prefix}{FOLDER}/{name}/"


def key(prefix: str, name: str) -> str:
    """Return the key of a submission's record."""
    return f"{place(prefix, name)}{FILE}"


def may_be_tuner(name: str) -> bool:
    """Whether a job with this name is worth a closer look."""
    return _NAME.fullmatch(name) is not None


def is_tuner(job: Mapping[str, Any]) -> bool:
    """Whether a job is a tuner of ours, by its description."""
    name = str(job["TrainingJobName"])
    url = str(job.get("Environment", {}).get(VARIABLE, ""))
    return (
        may_be_tuner(name)
        and url.startswith("s3://")
        and url.endswith(f"/{key('', first_name(name))}")
    )


def carries_out(tuner: str, run: str) -> bool:
    """Whether a run is that of a tuner: both have the moment and the draw of the submission.

    Args:
        tuner: the name of a job.
        run: ``<benchmark>/<setup>/<directory>``.

    >>> run = "toy/small/r0-20260101T000000.000000Z-ab12cd"
    >>> carries_out("toy-20260101T000000-ab12cd-2", run)
    True
    """
    name = _NAME.fullmatch(tuner)
    directory = _DIRECTORY.fullmatch(run.rpartition("/")[2])
    return (
        name is not None
        and directory is not None
        and (name["moment"], name["drawn"]) == (directory["moment"], directory["drawn"])
    )
