"""Rows 1, 11, 12, 13 of the fault matrix: the controller dies or is asked to end, at any moment."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest
from toy_project import (
    make_project,
    run_pytest,
    start_pytest,
    until_gone,
    wait_for_lines,
)

from pytest_synebench.experiment.store.results import RunRecord, load_runs

RUN = ("--synebench", "toy", "--work", "400000", "-q")
MOMENTS = sorted(random.Random(2026).sample(range(1, 32), 10))  # journal lines before the kill


def only_run(folder: Path) -> RunRecord:
    runs = load_runs(folder / ".synebench")
    assert len(runs) == 1
    return runs[0]


def reports(run: RunRecord) -> dict[tuple[int, int], float]:
    pairs = [(t.id, r.resource, r.loss) for t in run.trials for r in t.reports]
    out: dict[tuple[int, int], float] = {(trial, level): loss for trial, level, loss in pairs}
    assert len(out) == len(pairs), "a report is doubled"
    return out


def assert_as_if_nothing_had_happened(run: RunRecord) -> None:
    assert run.finished
    assert len(run.trials) == 6
    for trial in run.trials:
        x = float(trial.config["x"])  # type: ignore[arg-type] # the space says uniform
        loss = 10.0 + x
        assert [r.resource for r in trial.reports] == list(range(1, trial.level + 1))
        for report in trial.reports:
            loss *= 0.5 + x / 4
            assert report.loss == loss, "a resumed trial does not continue as it began"


@pytest.mark.slow
@pytest.mark.parametrize("lines", MOMENTS)
def test_a_killed_run_goes_on_and_loses_nothing(tmp_path: Path, lines: int) -> None:
    folder = make_project(tmp_path)
    process = start_pytest(folder, *RUN)
    wait_for_lines(process, folder, lines)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert until_gone(folder) == []
    before = reports(only_run(folder)) if (folder / ".synebench").exists() else {}

    resumed = run_pytest(folder, *RUN, "--synebench-resume")

    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    after = only_run(folder)
    assert before.items() <= reports(after).items()
    assert_as_if_nothing_had_happened(after)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 2), (signal.SIGTERM, 143)])
def test_a_run_that_is_asked_to_end_leaves_no_process_and_goes_on(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    folder = make_project(tmp_path)
    process = start_pytest(folder, *RUN)
    wait_for_lines(process, folder, 12)
    os.kill(process.pid, number)

    assert process.wait() == code
    assert until_gone(folder) == []
    assert "--synebench-resume" in (folder / "out.txt").read_text()
    assert not only_run(folder).finished

    resumed = run_pytest(folder, *RUN, "--synebench-resume")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert_as_if_nothing_had_happened(only_run(folder))


def test_two_controllers_on_one_run_directory(tmp_path: Path) -> None:
    folder = make_project(tmp_path)
    process = start_pytest(folder, "--synebench", "toy", "--work", "3000000000", "-q")
    wait_for_lines(process, folder, 3)
    second = run_pytest(folder, "--synebench", "toy", "--work", "3000000000", "--synebench-resume")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert second.returncode != 0
    assert f"is held by pid {process.pid} on " in second.stdout
    assert f"It is running: wait for it, or end it (`kill {process.pid}`)" in second.stdout
    assert until_gone(folder) == []
