"""What a person with an account expects of ``--backend sagemaker``; by default of an emulated one.

Nobody has run it on AWS yet.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from accounts import Account
from remote_project import items, rows
from toy_project import make_project, run_pytest, start_pytest, wait_for_lines

pytestmark = pytest.mark.slow

COMMON = (
    *("--synebench", "toy", "--scheduler", "asha_promotion", "--num_trials", "4"),
    *("--num_workers", "2", "--max_resource_level", "9", "--grace_period", "1"),
    *("--reduction_factor", "3", "--deterministic", "1"),
)
MOST_JOBS = 12  #: four trials, each paused twice at most


def unfinished() -> list[str]:
    """Return the jobs of this account's toys that have not ended."""
    import boto3.session

    client = boto3.session.Session().client("sagemaker")
    pages = client.get_paginator("list_training_jobs").paginate(
        NameContains="toy-", StatusEquals="InProgress"
    )
    return [one["TrainingJobName"] for page in pages for one in page["TrainingJobSummaries"]]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project that has run on this machine."""
    folder = tmp_path_factory.mktemp("here")
    done = run_pytest(make_project(folder), *COMMON, "-v")
    assert done.returncode == 0, done.stdout
    (folder / "out.txt").write_text(done.stdout)
    return folder


def test_jobs_give_the_items_and_the_results_of_processes(
    account: Account, here: Path, tmp_path: Path
) -> None:
    account.purse.spend(jobs=MOST_JOBS)
    there = tmp_path / "there"
    there.mkdir()
    done = run_pytest(make_project(there), *COMMON, *account.options, "-v", timeout_s=3600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert items(done.stdout) == items((here / "out.txt").read_text())
    assert rows(there / ".synebench") == rows(here / ".synebench")
    assert unfinished() == []


def test_a_session_that_is_interrupted_ends_its_jobs_and_goes_on_where_it_was(
    account: Account, here: Path, tmp_path: Path
) -> None:
    account.purse.spend(jobs=MOST_JOBS + 2)
    there = tmp_path / "there"
    there.mkdir()
    options = (*COMMON, *account.options)
    session = start_pytest(make_project(there), *options)
    wait_for_lines(session, there, 6)
    session.send_signal(signal.SIGINT)
    session.wait(timeout=1800)
    assert unfinished() == []
    done = run_pytest(there, *options, "--synebench-resume", timeout_s=3600)
    assert done.returncode == 0, done.stdout + done.stderr
    # An interrupted trial has one attempt more.
    found = [rows(folder / ".synebench", without="attempt") for folder in (there, here)]
    assert found[0] == found[1]
