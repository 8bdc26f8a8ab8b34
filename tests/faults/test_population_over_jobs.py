"""Population based training whose trials are jobs: copies begin from the bucket."""

from __future__ import annotations

from pathlib import Path

import pytest
from decisions import Line, decided
from toy_project import make_project, run_pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from pytest_synebench.experiment.store.results import load_runs

RUN = (
    *("--synebench", "toy", "--scheduler", "pbt", "--perturbation_interval", "2", "-q"),
    *("--population_size", "3", "--num_trials", "5", "--quantile_fraction", "0.33"),
    *("--max_resource_level", "6", "--deterministic", "1"),
)
JOBS = ("--backend", "sagemaker", "--aws", "emulator")


def run(folder: Path, *more: str) -> list[Line]:
    folder.mkdir()
    done = run_pytest(make_project(folder), *RUN, *more)
    assert done.returncode == 0, done.stdout + done.stderr
    return decided(folder)


@pytest.mark.slow
def test_copies_of_jobs_go_on_as_copies_of_processes_do(tmp_path: Path) -> None:
    here, there = run(tmp_path / "here"), run(tmp_path / "there", *JOBS)
    assert there == here
    (jobs,) = load_runs(tmp_path / "there" / ".synebench")
    copies = [trial for trial in jobs.trials if trial.checkpoint is not None]
    assert copies, "nobody was copied: nothing is shown"
    for trial in copies:
        assert trial.checkpoint is not None
        assert trial.reports[0].resource == trial.checkpoint.level + 1
        assert not trial.remarks
