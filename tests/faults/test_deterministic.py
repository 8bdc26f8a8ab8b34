"""Deterministic runs with real processes: loads and kills change no byte that counts."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from toy_project import (
    CONFTEST,
    JOURNALS,
    SCRIPT,
    make_project,
    run_pytest,
    start_pytest,
    until_gone,
    wait_for_lines,
)

from pytest_synebench.events import Ended, Reported, SlotFreed
from pytest_synebench.experiment.journal import timings
from pytest_synebench.experiment.journal.journal import Entry, read_journal

RUN = ("--synebench", "toy", "--deterministic", "1", "--num_workers", "3", "-q")
_WORK = "    sum(range(args.work))\n"
_CHANCE = "    sum(range(int.from_bytes(os.urandom(3), 'big') // 4))\n"
_TIMED = "report(epoch=epoch, loss=state['loss'], seconds=time.perf_counter() - began)"


def project(folder: Path) -> Path:
    """The toy, each epoch of which takes a random while, and which tells how long it took."""
    folder.mkdir()
    make_project(folder)
    script = SCRIPT.replace(_WORK, _CHANCE).replace("import argparse,", "import time, argparse,")
    script = script.replace('report(epoch=epoch, loss=state["loss"])', _TIMED)
    script = script.replace("state = {", "began = time.perf_counter()\nstate = {")
    assert script.count("urandom") == script.count("seconds=") == 1
    (folder / "train.py").write_text(script)
    timed = CONFTEST.replace(
        'metric="loss",', 'metric="loss",\n        elapsed_time_attr="seconds",'
    )
    (folder / "conftest.py").write_text(timed)
    return folder


def journal(folder: Path) -> Path:
    (path,) = folder.glob(JOURNALS)
    return path


def decided(path: Path) -> list[Entry]:
    entries = read_journal(path)[1]
    return [entry for entry in entries if isinstance(entry.event, SlotFreed | Reported | Ended)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of an unbroken run."""
    folder = project(tmp_path_factory.mktemp("runs") / "whole")
    done = run_pytest(folder, *RUN)
    assert done.returncode == 0, done.stdout + done.stderr
    return journal(folder)


def test_two_runs_under_different_loads_write_the_same_journal(whole: Path, tmp_path: Path) -> None:
    other = project(tmp_path / "other")
    done = run_pytest(other, *RUN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert journal(other).read_bytes() == whole.read_bytes()


def test_what_was_measured_stands_beside_the_journal(whole: Path) -> None:
    _, *lines = whole.read_bytes().splitlines()
    assert not any(b"seconds" in line for line in lines)
    told = timings.arrivals(whole.parent)
    reports = [e.event.report for e in decided(whole) if isinstance(e.event, Reported)]
    assert set(told) == {(report.trial_id, report.resource) for report in reports}
    assert all(isinstance(arrival.elapsed, float) for arrival in told.values())


@pytest.mark.parametrize("lines", [2, 9, 17])
def test_a_killed_run_goes_on_to_the_decisions_of_an_unbroken_one(
    whole: Path, tmp_path: Path, lines: int
) -> None:
    broken = project(tmp_path / "broken")
    process = start_pytest(broken, *RUN)
    wait_for_lines(process, broken, lines)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert until_gone(broken) == []
    resumed = run_pytest(broken, *RUN, "--synebench-resume", "--audit")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert decided(journal(broken)) == decided(whole)


def test_a_timeout_interrupts_a_deterministic_run(tmp_path: Path) -> None:
    folder = project(tmp_path / "timed")
    done = run_pytest(folder, *RUN, "--scheduler_timeout", "0.01")
    assert done.returncode == 1
    assert "it did not end by a criterion: scheduler_timeout of 0.01 s reached" in done.stdout
    resumed = run_pytest(folder, *RUN, "--synebench-resume")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr


def test_a_benchmark_that_is_judged_by_its_time_is_refused(tmp_path: Path) -> None:
    folder = project(tmp_path / "judged")
    text = (folder / "conftest.py").read_text().replace('metric="loss"', 'metric="seconds"')
    (folder / "conftest.py").write_text(text)
    done = run_pytest(folder, *RUN)
    assert done.returncode == 1
    assert "the metric of toy is 'seconds', its elapsed_time_attr" in done.stdout
    assert "--deterministic 0" in done.stdout
