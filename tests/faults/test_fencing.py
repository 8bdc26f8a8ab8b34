"""Rows 19 and 20 of the fault matrix: a controller that was stopped, and one that took its run."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest
from toy_project import JOURNALS, make_project, run_pytest, start_pytest, until_gone, wait_for_lines

from pytest_synebench.experiment.store.results import RunRecord, load_runs
from pytest_synebench.trial import TrialState

RUN = ("--synebench", "toy", "--work", "400000", "-q")
RESUME = "--synebench-resume"
TAKEOVER = "--synebench-takeover"


class Start(Protocol):
    def __call__(self, *options: str, out: str = "out.txt") -> subprocess.Popen[str]: ...


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_project(tmp_path)


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Start sessions in the project; none of them outlives the test, not even a stopped one."""
    with ExitStack() as stack:

        def start_one(*options: str, out: str = "out.txt") -> subprocess.Popen[str]:
            process = start_pytest(folder, *options, out=out)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield start_one


def only_run(folder: Path) -> RunRecord:
    (run,) = load_runs(folder / ".synebench")
    return run


def stop(process: subprocess.Popen[str], folder: Path) -> None:
    """Stop a process where it waits for its trials, as it does nearly all the time."""
    (journal,) = folder.glob(JOURNALS)
    while True:
        os.kill(process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        with journal.open("rb") as file, contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        os.kill(process.pid, signal.SIGCONT)  # it was in a step
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(timeout=0.002)
            raise AssertionError(f"it has ended with {code}")


def contents(directory: Path) -> dict[str, bytes]:
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def reports(run: RunRecord) -> set[tuple[int, int, float]]:
    return {(t.id, r.resource, r.loss) for t in run.trials for r in t.reports}


def assert_as_if_nothing_had_happened(run: RunRecord) -> None:
    assert run.finished, run.reason
    assert len(run.trials) == 6
    assert TrialState.FAILED not in {trial.state for trial in run.trials}
    for trial in run.trials:
        x = float(str(trial.config["x"]))
        loss = 10.0 + x
        assert [r.resource for r in trial.reports] == list(range(1, trial.level + 1))
        for report in trial.reports:
            loss *= 0.5 + x / 4
            assert report.loss == loss, "a resumed trial does not continue as it began"


@pytest.mark.parametrize("lines", [3, 20])
def test_a_stopped_controller_whose_run_was_taken_over_writes_nothing_more(
    folder: Path, start: Start, lines: int
) -> None:
    first = start(*RUN)
    wait_for_lines(first, folder, lines)
    stop(first, folder)

    refused = run_pytest(folder, *RUN, RESUME)
    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert f"is held by pid {first.pid} on {socket.gethostname()} (since " in refused.stdout
    assert f"It is stopped (Ctrl-Z?): continue (`kill -CONT {first.pid}`)" in refused.stdout
    before = reports(only_run(folder))

    second = run_pytest(folder, *RUN, RESUME, TAKEOVER)
    assert second.returncode == 0, second.stdout + second.stderr
    assert f"note: taken over from pid {first.pid} on " in second.stdout
    run = only_run(folder)
    assert_as_if_nothing_had_happened(run)
    assert before <= reports(run)
    after = contents(run.directory)

    os.kill(first.pid, signal.SIGCONT)
    assert first.wait(timeout=60) == 1
    told = (folder / "out.txt").read_text()
    assert f"the run in {run.directory} was taken over by pid " in told
    assert "nothing more of it is written here" in told
    assert "INTERNALERROR" not in told
    assert "does not tell the same" not in told
    assert "go on with what is unfinished" not in told
    assert contents(run.directory) == after
    assert until_gone(folder) == []


def test_one_that_wakes_up_while_the_other_runs_disturbs_nothing(
    folder: Path, start: Start
) -> None:
    options = ("--synebench", "toy", "--work", "3000000", "-q")
    first = start(*options)
    wait_for_lines(first, folder, 6)
    stop(first, folder)
    second = start(*options, RESUME, TAKEOVER, out="second.txt")
    wait_for_lines(second, folder, 9)
    os.kill(first.pid, signal.SIGCONT)

    assert first.wait(timeout=60) == 1
    assert f"was taken over by pid {second.pid} on" in (folder / "out.txt").read_text()
    assert second.wait(timeout=120) == 0, (folder / "second.txt").read_text()
    assert_as_if_nothing_had_happened(only_run(folder))
    assert until_gone(folder) == []


def test_a_running_controller_is_not_taken_from(folder: Path, start: Start) -> None:
    options = ("--synebench", "toy", "--work", "3000000000", "-q")
    first = start(*options)
    wait_for_lines(first, folder, 3)
    second = run_pytest(folder, *options, RESUME, TAKEOVER)

    assert second.returncode == 1, second.stdout + second.stderr
    assert f"It is running: end it first (`kill {first.pid}`)" in second.stdout
    os.kill(first.pid, signal.SIGTERM)
    assert first.wait(timeout=60) == 143
    assert "taken over" not in (folder / "out.txt").read_text()
    assert only_run(folder).reason == "interrupted"
    assert until_gone(folder) == []


def test_nobody_is_fenced_for_a_run_that_cannot_go_on(folder: Path, start: Start) -> None:
    first = start(*RUN)
    wait_for_lines(first, folder, 3)
    stop(first, folder)
    other = run_pytest(folder, *RUN, RESUME, TAKEOVER, "--random_seed_offset", "5")
    os.kill(first.pid, signal.SIGCONT)

    assert other.returncode == 1, other.stdout + other.stderr
    assert "seed: 0 then, 5 now" in other.stdout
    assert first.wait(timeout=60) == 0, (folder / "out.txt").read_text()
