"""Finds what was submitted under a name, and where it can be followed from.

Invariants (tests/experiment/remote/tuning/test_attached.py holds each one):
- the name of any of its jobs finds a submission;
- what cannot be found or asked is one error, with the way out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_synebench.backends.sagemaker.port import BotoTrainingJobs, NotNowError, new_client
from pytest_synebench.backends.sagemaker.reaping.tuners import first_name
from pytest_synebench.checkpoints.s3.asking import Asking
from pytest_synebench.checkpoints.s3.asking import new_client as new_s3_client
from pytest_synebench.checkpoints.s3.causes import status
from pytest_synebench.errors import BackendError, StoreError, UsageError
from pytest_synebench.experiment.remote.tuning.following import Source
from pytest_synebench.experiment.remote.tuning.lives import Lives, record_url
from pytest_synebench.experiment.remote.tuning.log import RunLog
from pytest_synebench.experiment.remote.tuning.record import Record, bucket_and_place, read

_ABSENT = 404
_EMULATED_S = (0.05, 0.5)  #: between two looks: what answers is on this machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A submission that was found."""

    record: Record
    jobs: BotoTrainingJobs
    s3: Any
    bucket: str
    place: str  #: what its keys begin with

    def source(self) -> Source:
        """Return where its run is followed from."""
        lives = Lives(self.jobs, self.record.name, self.record.request)
        log = RunLog(self.s3, self.bucket, self.place, Asking(f"s3://{self.bucket}"))
        if self.record.settings.get("aws") != "emulator":
            return Source(lives=lives, log=log)
        shortest_s, longest_s = _EMULATED_S
        return Source(lives=lives, log=log, shortest_s=shortest_s, longest_s=longest_s)


def find(name: str) -> Attached:
    """Return the submission of a name.

    Raises:
        UsageError: there is none.
        BackendError: the service or the bucket cannot be used.
    """
    client = new_client()
    jobs = BotoTrainingJobs(client, f"follow it again: pytest --synebench-attach {name}")
    try:
        url = record_url(jobs, first_name(name), str(client.meta.region_name))
    except NotNowError as error:
        raise BackendError(f"SageMaker does not say what {name} is: {error}; try again") from None
    bucket, place = bucket_and_place(url)
    try:
        s3 = new_s3_client()
        record = read(s3, url, Asking(f"s3://{bucket}"))
    except StoreError as error:
        raise BackendError(f"{name} cannot be followed: {error}") from error
    except Exception as error:
        if status(error) != _ABSENT:
            raise
        raise UsageError(
            f"--synebench-attach: what was submitted as {name} is not at {url} any more"
        ) from None
    return Attached(record=record, jobs=jobs, s3=s3, bucket=bucket, place=place)
