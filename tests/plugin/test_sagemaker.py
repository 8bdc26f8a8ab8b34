"""Trials as training jobs of an emulated account: real processes, the same items."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_project import run_pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from remote_project import items, rows

from pytest_synebench.emulator import Emulator

COMMON = (
    *("--synebench", "height_with_cost", "--variant", "instant", "--scheduler", "asha_promotion"),
    *("--num_trials", "4", "--num_workers", "2", "--deterministic", "1", "--max_resource_level"),
    *("9", "--grace_period", "1", "--reduction_factor", "3"),
)
EMULATED = ("--backend", "sagemaker", "--aws", "emulator")


def test_jobs_give_the_items_and_results_of_processes(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    local = run_pytest(here, *COMMON, "-v")
    remote = run_pytest(there, *COMMON, *EMULATED, "-v")
    assert local.returncode == remote.returncode == 0, remote.stdout + remote.stderr

    assert items(remote.stdout) == items(local.stdout)
    assert "of the emulator" in remote.stdout
    assert rows(there / ".synebench") == rows(here / ".synebench")


def test_an_emulator_that_runs_already_is_used_and_left_as_it_is(
    sagemaker_emulator: Emulator, tmp_path: Path
) -> None:
    done = run_pytest(tmp_path, *COMMON, *EMULATED, "--num_trials", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    jobs = sagemaker_emulator.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
    assert jobs
    assert {job["TrainingJobStatus"] for job in jobs} == {"Completed"}


def test_without_jobs_nothing_of_aws_is_imported(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "import sys\n"
        "def pytest_unconfigure():\n"
        "    print('LOADED', sorted(n for n in sys.modules if n in "
        "('boto3', 'botocore', 'moto')))\n"
    )
    done = run_pytest(tmp_path, *COMMON, "--num_trials", "1", "-s")
    assert done.returncode == 0
    assert "LOADED []" in done.stdout


def test_what_is_missing_is_one_error_before_any_job(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, *COMMON, "--backend", "sagemaker")
    assert done.returncode == 1
    assert "1 error" in done.stdout
