"""``--synebench-preflight``: what jobs lack, before there is any."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_project import run_pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from pytest_synebench.backends.sagemaker.preflight.account import _TRUST
from pytest_synebench.emulator import Emulator

ASKED = (
    *("--synebench", "height_with_cost", "--synebench-preflight", "--backend", "sagemaker"),
    *("--s3_bucket", "team", "--instance_type", "ml.m5.xlarge", "--framework", "PyTorch"),
    *("--framework_version", "2.6"),
    *("--sagemaker_execution_role", "arn:aws:iam::123456789012:role/training"),
)


def test_all_that_is_wrong_is_one_failure(sagemaker_emulator: Emulator, tmp_path: Path) -> None:
    done = run_pytest(tmp_path, *ASKED)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed" in done.stdout
    for told in (
        "WRONG   role         arn:aws:iam::123456789012:role/training: there is no such role",
        "aws iam create-role --role-name training",
        "WRONG   bucket       s3://team: there is no such bucket",
        "aws s3 mb s3://team --region us-east-1",
        "unknown quota        ml.m5.xlarge for training job usage: ",
    ):
        assert told in done.stdout
    assert not (tmp_path / ".synebench").exists()
    assert sagemaker_emulator.variables["AWS_ACCESS_KEY_ID"] not in done.stdout


def test_where_nothing_is_wrong_that_is_shown(sagemaker_emulator: Emulator, tmp_path: Path) -> None:
    sagemaker_emulator.client("s3").create_bucket(Bucket="team")
    iam = sagemaker_emulator.client("iam")
    iam.create_role(RoleName="training", AssumeRolePolicyDocument=_TRUST)
    done = run_pytest(tmp_path, *ASKED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "synebench: before the first job" in done.stdout
    assert "ok      bucket       s3://team/: written, read, deleted" in done.stdout
    assert "CreateTrainingJob" not in sagemaker_emulator.calls()
    assert not (tmp_path / ".synebench").exists()


def test_an_experiment_whose_jobs_cannot_be_made_says_all_of_it(
    sagemaker_emulator: Emulator, tmp_path: Path
) -> None:
    options = [one for one in ASKED if one != "--synebench-preflight"]
    done = run_pytest(tmp_path, *options)
    assert done.returncode == 1
    assert "2 things are wrong, and no job was made" in done.stdout
    assert "CreateTrainingJob" not in sagemaker_emulator.calls()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--synebench", "height_with_cost"), "backend of height_with_cost is 'local'"),
        ((), "is given without --synebench"),
    ],
)
def test_without_jobs_there_is_nothing_to_look_at(
    tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    done = run_pytest(tmp_path, *options, "--synebench-preflight")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert told in done.stderr
