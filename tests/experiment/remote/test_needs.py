from __future__ import annotations

from pathlib import Path

import pytest
from toy_plan import toy_params, toy_plan

from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.remote import needs


@pytest.mark.parametrize(
    ("text", "bucket", "prefix"),
    [
        ("team", "team", ""),
        ("s3://team", "team", ""),
        ("team/hpo", "team", "hpo/"),
        ("s3://team/hpo/a/", "team", "hpo/a/"),
        ("team//", "team", ""),
    ],
)
def test_a_bucket_and_its_prefix(text: str, bucket: str, prefix: str) -> None:
    assert needs.bucket_of(toy_params(s3_bucket=text)) == (bucket, prefix)


@pytest.mark.parametrize("text", ["", "s3://", "/hpo"])
def test_no_bucket_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--s3_bucket BUCKET/PREFIX"):
        needs.bucket_of(toy_params(s3_bucket=text))


@pytest.mark.parametrize("text", ["No Bucket/hpo", "https://team/hpo", "b", "Team", "s3://büro"])
def test_what_no_bucket_is_called_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"no bucket is called .*: its name has 3 to 63 small"):
        needs.bucket_of(toy_params(s3_bucket=text))


def test_an_image_of_ones_own_wins() -> None:
    params = toy_params(image_uri="own:1", framework="PyTorch", framework_version="2.6")
    assert needs.image_of("toy", params, "us-east-1") == "own:1"


def test_an_emulator_takes_a_default_for_what_is_not_named(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path, backend="sagemaker", aws="emulator", s3_bucket="mine")
    params = needs.job_params(plan)
    assert needs.bucket_of(params) == ("mine", "")
    assert needs.instance_type_of("toy", params) == "ml.m5.xlarge"
    assert needs.role_of(params).startswith("arn:aws:iam::")
    assert needs.image_of("toy", params, "us-east-1").endswith("/emulated:1")
    account = toy_plan(tmp_path, backend="sagemaker")
    with pytest.raises(UsageError, match="names no instance_type"):
        needs.instance_type_of("toy", needs.job_params(account))
