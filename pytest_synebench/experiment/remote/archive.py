"""The archive that the jobs of a run keep their checkpoints in, seen by the controller.

Invariants (tests/experiment/remote/test_archive.py holds each one):
- it is where a job keeps what it saves.
"""

from __future__ import annotations

from pathlib import Path

from pytest_synebench.checkpoints.s3.archive import S3Archive
from pytest_synebench.experiment.keeping.opening import experiment
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.remote.needs import bucket_of, job_params


def archive_of_jobs(plan: Plan, directory: Path) -> S3Archive:
    """Return the archive of a run's jobs.

    Raises:
        UsageError: no bucket is named, or by no name that a bucket can have.
        StoreError: boto3 is not installed, or cannot be configured.
    """
    bucket, prefix = bucket_of(job_params(plan))
    return S3Archive(f"s3://{bucket}/{prefix}", experiment(plan, directory))
