"""kill -9 of the controller of a run whose trials are jobs, at any moment, then a resume.

The emulator is an account: it outlives the controller, and jobs go on when that is dead. Each
moment is a number of journal lines and a delay behind it, drawn once. Two are run; twenty are the
whole proof.
"""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from decisions import Line, decided
from toy_project import (
    JOURNALS,
    journal_lines,
    make_project,
    run_pytest,
    start_pytest,
    wait_for_lines,
)

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from pytest_synebench.backends.protocol import AttemptKey
from pytest_synebench.backends.sagemaker.names import Names
from pytest_synebench.emulator import Emulator, emulating
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.store.results import load_runs
from pytest_synebench.trial import TrialId

RUN = (
    *("--synebench", "toy", "--work", "100000", "--deterministic", "1", "-q"),
    *("--backend", "sagemaker", "--aws", "emulator"),
)
KILLS, SAMPLE = 20, 2
LONGEST_S = 1.0

Job = dict[str, Any]
Trials = dict[TrialId, TrialRecord]


class Account:
    """The emulator, and what its jobs were."""

    def __init__(self, emulator: Emulator) -> None:
        self.client = emulator.client("sagemaker")

    def alive(self) -> set[str]:
        return {
            job["TrainingJobName"]
            for status in ("InProgress", "Stopping")
            for job in self._listed(StatusEquals=status)
        }

    def jobs_of(self, folder: Path) -> dict[AttemptKey, Job]:
        """Return all jobs of the project's run, by attempt."""
        (journal,) = folder.glob(JOURNALS)
        run = journal.parent.relative_to(folder / ".synebench" / "runs").as_posix()
        names = Names("toy", run)
        found: dict[AttemptKey, Job] = {}
        for job in self._listed(NameContains=names.prefix.rstrip("-")):
            key = names.attempt(job["TrainingJobName"])
            assert key is not None
            assert key not in found, f"{key} has two jobs"
            found[key] = self.client.describe_training_job(TrainingJobName=job["TrainingJobName"])
        return found

    def _listed(self, **told: str) -> Iterator[Job]:
        pages = self.client.get_paginator("list_training_jobs").paginate(**told)
        return (job for page in pages for job in page["TrainingJobSummaries"])


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with emulating() as emulator, pytest.MonkeyPatch.context() as patch:
        for name, value in emulator.variables.items():
            patch.setenv(name, value)
        yield Account(emulator)


def project(folder: Path) -> Path:
    """Make a project in a folder of its own: what it prints is not beside its code."""
    made = folder / "project"
    made.mkdir()
    return make_project(made)


@pytest.fixture(scope="module")
def unbroken(
    account: Account, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[Line], Trials, int]:
    folder = project(tmp_path_factory.mktemp("unbroken"))
    done = run_pytest(folder, *RUN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert account.alive() == set()
    return decided(folder), finished(folder), journal_lines(folder)


def finished(folder: Path) -> Trials:
    """Return the trials of the project's one run, which has finished."""
    (run,) = load_runs(folder / ".synebench")
    assert run.finished
    return {trial.id: trial for trial in run.trials}


def results(trial: TrialRecord) -> tuple[object, ...]:
    """Return what a trial comes to; not how many attempts it took."""
    return trial.state, trial.config, trial.reports, trial.level


def assert_each_attempt_ran_alone(jobs: dict[AttemptKey, Job]) -> None:
    """No two jobs of one trial had a machine at the same time."""
    spans: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for key, job in sorted(jobs.items()):
        if "TrainingStartTime" in job:
            spans[key.trial_id].append((job["TrainingStartTime"], job["TrainingEndTime"]))
    for of_trial in spans.values():
        assert all(before[1] <= after[0] for before, after in pairwise(of_trial))


@pytest.mark.slow
@pytest.mark.parametrize(
    "number",
    [pytest.param(n, marks=pytest.mark.proof if n >= SAMPLE else ()) for n in range(KILLS)],
)
def test_no_job_is_left_or_made_twice_and_the_result_is_that_of_an_unbroken_run(
    tmp_path: Path, account: Account, unbroken: tuple[list[Line], Trials, int], number: int
) -> None:
    decisions, expected, lines = unbroken
    chance = random.Random(f"kill over jobs {number}")
    folder = project(tmp_path)
    process = start_pytest(folder, *RUN, out="../out.txt")
    wait_for_lines(process, folder, chance.randrange(int(0.8 * lines)))
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(chance.random() * LONGEST_S)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "it had ended before"

    before = account.alive()
    listed = run_pytest(folder, "--synebench-reap").stdout
    assert all(name in listed for name in before & account.alive())

    resumed = run_pytest(folder, *RUN, "--synebench-resume")

    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert account.alive() == set()
    assert decided(folder) == decisions
    trials = finished(folder)
    assert {n: results(trial) for n, trial in trials.items()} == {
        n: results(trial) for n, trial in expected.items()
    }
    jobs = account.jobs_of(folder)
    assert {key.trial_id for key in jobs} == set(expected)
    assert all(key.number < trials[key.trial_id].attempts for key in jobs)
    assert_each_attempt_ran_alone(jobs)
