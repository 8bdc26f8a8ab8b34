"""Remote tuning, whole: experiments as jobs of an emulated account, equal to those run here."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from toy_project import make_project, start_pytest
from toy_project import run_pytest as started

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from remote_project import account, entries, items, make_gated, names, rows, summary, until

from pytest_synebench import load_runs
from pytest_synebench.emulator import Emulator

REMOTE = ("--synebench-remote", "--aws", "emulator")
EXACT = ("--synebench", "toy", "--deterministic", "1", "--num_workers", "2")
BOTH = (*EXACT, "--num_trials", "4,6")
pytestmark = pytest.mark.slow
LONG_S = 900.0  #: of a machine that does much else
run_pytest = partial(started, timeout_s=LONG_S)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with account() as running:
        yield running


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "here"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "there"


def submitted(folder: Path, *options: str) -> list[str]:
    done = run_pytest(folder, *options, *REMOTE)
    assert done.returncode == 0, done.stdout + done.stderr
    return names(done.stdout)


def test_two_experiments_that_one_command_submits_equal_those_run_here(
    emulator: Emulator, here: Path, there: Path
) -> None:
    for folder in (here, there):
        folder.mkdir()
        make_project(folder)
    found = submitted(there, *BOTH)
    assert len(found) == 2
    local = run_pytest(here, *BOTH, "-v")
    attached = run_pytest(there, "--synebench-attach", ",".join(found), "-v")
    assert local.returncode == attached.returncode == 0, attached.stdout + attached.stderr
    assert items(attached.stdout) == items(local.stdout)
    assert len(items(local.stdout)) == 14
    assert summary(attached.stdout) == summary(local.stdout)
    assert entries(there / ".synebench") == entries(here / ".synebench")
    assert rows(there / ".synebench") == rows(here / ".synebench")
    again = run_pytest(there, "--synebench-attach", found[0], "--synebench-attach", found[1], "-v")
    assert again.returncode == 0
    assert items(again.stdout) == items(local.stdout)


@pytest.mark.proof
def test_a_failed_trial_is_a_failed_test_where_it_is_followed(
    emulator: Emulator, here: Path
) -> None:
    here.mkdir()
    make_project(here)
    script = (here / "train.py").read_text()
    fails = "if epoch == 2: raise RuntimeError('no such layer')\n    report(epoch=epoch, loss=state"
    (here / "train.py").write_text(script.replace("report(epoch=epoch, loss=state", fails))
    common = (*EXACT, "--scheduler", "fifo", "--num_trials", "1", "--max_failures", "0")
    (name,) = submitted(here, *common)
    attached = run_pytest(here, "--synebench-attach", name)
    local = run_pytest(here, *common)
    assert attached.returncode == local.returncode == 1
    for done in (attached, local):
        assert "RuntimeError: no such layer" in done.stdout
        assert "2 failed" in done.stdout
    job = emulator.client("sagemaker").describe_training_job(TrainingJobName=name)
    assert job["TrainingJobStatus"] == "Completed", "its run has ended by a criterion"
    (log,) = here.glob(".synebench/remote/toy/*/*/trials/0/stderr.log")
    assert b"no such layer" in log.read_bytes()


def test_a_job_that_cannot_run_the_experiment_says_why(emulator: Emulator, here: Path) -> None:
    here.mkdir()
    make_project(here)
    with (here / "conftest.py").open("a") as conftest:
        conftest.write(
            "import os\nif 'TRAINING_JOB_NAME' in os.environ:\n"
            "    raise RuntimeError('the data are not here')\n"
        )
    (name,) = submitted(here, *EXACT)
    done = run_pytest(here, "--synebench-attach", name)
    assert done.returncode == 1
    assert "the data are not here" in done.stdout
    assert f"the experiment broke off: the job {name} has ended before its run" in done.stdout
    assert "toy::one-asha_promotion-random-r0::launch" in done.stdout
    assert "6 skipped" in done.stdout


@pytest.mark.proof
def test_dependencies_are_installed_before_the_run(emulator: Emulator, here: Path) -> None:
    (here / "bench").mkdir(parents=True)
    make_project(here / "bench")
    (here / "pytest.ini").write_text("[pytest]\n")
    (here / "bench" / "pytest.ini").unlink()
    (here / "bench" / "dependencies.txt").write_text("pytest>=1\n")
    (name,) = submitted(here / "bench", *EXACT, "--num_trials", "2")
    done = run_pytest(here / "bench", "--synebench-attach", name)
    assert done.returncode == 0, done.stdout
    lines = emulator.lines(name)
    installed = next(i for i, line in enumerate(lines) if "already satisfied: pytest" in line)
    begun = next(i for i, line in enumerate(lines) if "test session starts" in line)
    assert installed < begun


@pytest.mark.proof
def test_trials_may_be_jobs_as_well(emulator: Emulator, here: Path, there: Path) -> None:
    for folder in (here, there):
        folder.mkdir()
        make_project(folder)
    common = (*EXACT, "--num_trials", "3", "--max_resource_level", "3")
    (name,) = submitted(there, *common, "--backend", "sagemaker")
    attached = run_pytest(there, "--synebench-attach", name, "-v")
    local = run_pytest(here, *common, "-v")
    assert attached.returncode == local.returncode == 0, attached.stdout + attached.stderr
    assert items(attached.stdout) == items(local.stdout)
    assert entries(there / ".synebench") == entries(here / ".synebench")
    jobs = emulator.client("sagemaker").list_training_jobs(NameContains="toy", MaxResults=100)
    attempts = [one for one in jobs["TrainingJobSummaries"] if one["TrainingJobName"] != name]
    assert len(attempts) >= 3


class Gate:
    """Where the trials of a run wait."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "gate"

    @property
    def option(self) -> tuple[str, str]:
        return "--gate", str(self.path)

    def wait(self) -> None:
        until(lambda: self.path.with_name("gate.reached").exists())

    def open(self) -> None:
        self.path.with_name("gate.open").touch()


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def local_equal(here: Path, there: Path, *options: str) -> None:
    """Compare what was followed with the same experiment run here: as many trials, as good."""
    local = run_pytest(make_gated(here), *options)
    assert local.returncode == 0, local.stdout
    found = [rows(folder / ".synebench", without="attempt") for folder in (here, there)]
    assert found[0] == found[1]


def test_ctrl_c_leaves_the_job_running_and_says_so(
    emulator: Emulator, there: Path, gate: Gate
) -> None:
    make_gated(there)
    (name,) = submitted(there, *EXACT, *gate.option)
    gate.wait()
    attached = start_pytest(there, "--synebench-attach", name)
    out = there / "out.txt"
    until(lambda: "running #" in out.read_text(), out.read_text)
    attached.send_signal(signal.SIGINT)
    assert attached.wait() == pytest.ExitCode.INTERRUPTED
    told = out.read_text()
    assert f"left: the job {name} goes on without being followed" in told
    assert f"the jobs go on; follow them again: pytest --synebench-attach {name}" in told
    assert emulator.wait(name, "Training")["TrainingJobStatus"] == "InProgress"
    gate.open()
    assert run_pytest(there, "--synebench-attach", name).returncode == 0


@pytest.mark.proof
def test_a_reclaimed_job_goes_on_from_what_is_kept(
    emulator: Emulator, here: Path, there: Path, gate: Gate
) -> None:
    make_gated(there)
    (name,) = submitted(there, *EXACT, *gate.option, "--spot", "1")
    gate.wait()
    emulator.reclaim(name)
    emulator.wait(name, "Interrupted", timeout_s=LONG_S)
    gate.open()
    done = run_pytest(there, "--synebench-attach", name)
    assert done.returncode == 0, done.stdout + "\n".join(emulator.lines(name))
    local_equal(here, there, *EXACT, *gate.option, "--spot", "1")


@pytest.mark.proof
def test_a_killed_job_is_told_and_another_goes_on_with_its_run(
    emulator: Emulator, here: Path, there: Path, gate: Gate
) -> None:
    make_gated(there)
    (name,) = submitted(there, *EXACT, *gate.option)
    gate.wait()
    emulator.kill(name)
    emulator.wait(name, "Failed", timeout_s=LONG_S)
    lost = run_pytest(there, "--synebench-attach", name)
    assert lost.returncode == 1
    assert f"the job {name} has ended before its run: " in lost.stdout
    command = f"pytest --synebench-attach {name} --synebench-resume"
    assert f"go on with what has broken off: {command}" in lost.stdout
    gate.open()
    done = run_pytest(there, "--synebench-attach", name, "--synebench-resume")
    assert done.returncode == 0, done.stdout + "\n".join(emulator.lines(f"{name}-2"))
    assert f"{name}-2 goes on where the job before it has ended" in done.stdout
    local_equal(here, there, *EXACT, *gate.option)
    again = run_pytest(there, "--synebench-attach", f"{name}-2")
    assert again.returncode == 0


#: Part of a conftest: in a job, nothing is kept but what has to be, before an attempt starts.
KEEPS_LITTLE = """
import os
if "TRAINING_JOB_NAME" in os.environ:
    from pytest_synebench.experiment.remote.tuning.mirror import Mirror
    Mirror._period_s = lambda self: 3600.0
    Mirror.finish = lambda self, over, more: over and self.flush(over=over, more=more)
"""


@pytest.mark.proof
def test_reports_that_a_lost_machine_had_not_kept_are_told_again_as_they_were(
    emulator: Emulator, here: Path, there: Path, gate: Gate
) -> None:
    with (make_gated(there) / "conftest.py").open("a") as conftest:
        conftest.write(KEEPS_LITTLE)
    one = (*EXACT, "--scheduler", "fifo", "--num_trials", "1", *gate.option)
    (name,) = submitted(there, *one)
    gate.wait()  # at level 3: two have been reported
    emulator.kill(name)
    emulator.wait(name, "Failed", timeout_s=LONG_S)
    assert run_pytest(there, "--synebench-attach", name).returncode == 1
    (begun,) = load_runs(there / ".synebench")
    assert [len(trial.reports) for trial in begun.trials] == [0], "both were lost"
    gate.open()
    done = run_pytest(there, "--synebench-attach", name, "--synebench-resume")
    assert done.returncode == 0, done.stdout + "\n".join(emulator.lines(f"{name}-2"))
    local_equal(here, there, *one)
