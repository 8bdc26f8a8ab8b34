from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from toy_plan import toy_plan

from pytest_synebench.backends.sagemaker.layout import Layout
from pytest_synebench.checkpoints.s3.archive import S3Archive
from pytest_synebench.emulator import Emulator
from pytest_synebench.experiment.keeping.opening import experiment
from pytest_synebench.experiment.remote.archive import archive_of_jobs
from pytest_synebench.experiment.remote.needs import bucket_of, job_params


@pytest.mark.parametrize("text", ["", "team", "s3://team/hpo/a"])
def test_it_is_where_a_job_keeps_what_it_saves(
    sagemaker_emulator: Emulator, tmp_path: Path, text: str
) -> None:
    plan = toy_plan(tmp_path, backend="sagemaker", aws="emulator", s3_bucket=text)
    bucket, prefix = bucket_of(job_params(plan))
    layout = Layout(bucket=bucket, prefix=prefix, run=experiment(plan, tmp_path))
    of_a_job = S3Archive(f"s3://{layout.bucket}/{layout.experiment}")  # as training/agent/running
    assert archive_of_jobs(plan, tmp_path).address == of_a_job.address
