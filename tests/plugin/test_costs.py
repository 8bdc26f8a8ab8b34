"""What jobs cost: shown, and bounded; over sessions, on an emulator that outlives them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_project import make_project, run_pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from pytest_synebench import load_runs
from pytest_synebench.emulator import Emulator, emulating

RUN = (
    *("--synebench", "toy", "-q", "--backend", "sagemaker", "--aws", "emulator"),
    *("--num_trials", "2", "--max_resource_level", "3", "--scheduler", "fifo"),
)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """Yield an emulator that the environment leads to, as the command's variables would."""
    with emulating(grace_s=10.0) as made, pytest.MonkeyPatch.context() as patch:
        for name, value in made.variables.items():
            patch.setenv(name, value)
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    return make_project(made)


def test_what_jobs_cost_is_in_the_summary(emulator: Emulator, folder: Path) -> None:
    done = run_pytest(folder, *RUN, "--instance_price", "3.6")
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("  cost: ")]
    assert line.endswith(" s billed, 3.6 USD an instance and hour (given)")
    (run,) = load_runs(folder / ".synebench")
    lines = (run.directory / "costs.jsonl").read_bytes().count(b"\n")
    assert lines == len(run.trials) == 2  # one attempt each, counted by the service


def test_a_bound_ends_the_run_and_a_higher_one_goes_on(emulator: Emulator, folder: Path) -> None:
    dear = (*RUN, "--instance_price", "3600", "--work", "2000000")
    done = run_pytest(folder, *dear, "--max_cost", "1", "--num_workers", "1")
    assert "max_cost of 1 USD reached: " in done.stdout, done.stdout + done.stderr
    (run,) = load_runs(folder / ".synebench")
    assert run.finished
    assert len(run.trials) == 1  # the second was never started
    client = emulator.client("sagemaker")
    assert client.list_training_jobs(StatusEquals="InProgress")["TrainingJobSummaries"] == []

    again = run_pytest(folder, *dear, "--max_cost", "1", "--num_workers", "1", "--synebench-resume")
    assert "this run had finished" in again.stdout
    more = run_pytest(
        folder, *dear, "--max_cost", "1000000", "--num_workers", "1", "--synebench-resume"
    )
    assert more.returncode == 0, more.stdout + more.stderr
    (run,) = load_runs(folder / ".synebench")
    assert [trial.level for trial in run.trials] == [3, 3]
    assert " of at most 1000000: " in more.stdout


@pytest.mark.parametrize("value", ["0", "-1", "dear", "nan", "inf"])
def test_a_bound_that_is_no_amount_is_refused(folder: Path, value: str) -> None:
    done = run_pytest(folder, *RUN, f"--max_cost={value}")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "it must be a finite number above 0, or none" in done.stderr


def test_a_bound_without_a_price_is_refused_at_collection(folder: Path) -> None:
    options = ("--max_cost", "5", "--instance_type", "ml.trn1.2xlarge", "--collect-only")
    done = run_pytest(folder, *RUN, *options)
    assert done.returncode == pytest.ExitCode.INTERRUPTED
    assert "nobody has said what an hour of ml.trn1.2xlarge costs" in done.stdout
    assert run_pytest(folder, *RUN, *options, "--instance_price", "1.3").returncode == 0
