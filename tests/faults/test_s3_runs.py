"""Whole runs on an S3 that breaks."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from s3_service import Service
from toy_project import (
    SCRIPT,
    make_project,
    run_pytest,
    start_pytest,
    until_gone,
    wait_for_lines,
)
from wiping import finish_wiping

from pytest_synebench.checkpoints.s3.archive import S3Archive
from pytest_synebench.checkpoints.s3.asking import TRIES
from pytest_synebench.definition import Benchmark
from pytest_synebench.errors import BackendError
from pytest_synebench.experiment.plan.parameter_table import GLOBALS, resolve
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.run import Run
from pytest_synebench.experiment.store.results import load_runs
from pytest_synebench.space import uniform
from pytest_synebench.trial import TrialState


@pytest.fixture
def plan(tmp_path: Path, bucket: str, service: Service, monkeypatch: pytest.MonkeyPatch) -> Plan:
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(S3Archive.__init__.__kwdefaults__ or {}, "backoff_s", 0.0005)
    (tmp_path / "train.py").write_text(SCRIPT)
    definition = Benchmark(
        script=tmp_path / "train.py",
        config_space={"x": uniform(0, 1), "epochs": 9, "work": 0},
        metric="loss",
        resource_attr="epoch",
        max_resource_attr="epochs",
    )
    mine: dict[str, Any] = {
        "scheduler": "asha_promotion",
        "num_workers": 2,
        "num_trials": 9,
        "oversubscribe": True,
        "checkpoint_store": f"s3://{bucket}",
    }
    params = resolve(GLOBALS, [("user", mine)], "toy")
    return Plan(benchmark="toy", variant="v", params=params, definition=definition)


def assert_whole(run: Run) -> None:
    assert run.finished
    for trial in run.trials.values():
        x = float(trial.config["x"])  # type: ignore[arg-type] # the space says uniform
        loss = 10.0 + x
        for report in trial.reports:
            loss *= 0.5 + x / 4
            assert report.loss == loss


def test_where_a_third_of_the_requests_fail_every_trial_goes_on_from_what_was_kept(
    plan: Plan, tmp_path: Path, service: Service, bucket: str
) -> None:
    run = Run.open(plan, root=tmp_path / "s")
    service.break_at(bucket, 0.3, seed=5)
    seen = finish_wiping(run)
    assert_whole(run)
    assert seen.times
    assert run.table.failed == 0
    assert sum(trial.repeated for trial in run.trials.values()) == 0
    asked = service.asked(bucket)
    assert sum(bool(fault) for _, _, fault in asked) > 20
    written = Counter(key for method, key, _ in asked if method == "PUT")
    assert max(written.values()) <= TRIES


@pytest.mark.parametrize("kind", ["expired", "denied"])
def test_rights_that_are_lost_meanwhile_break_the_run_off_with_the_way_out(
    plan: Plan, tmp_path: Path, service: Service, bucket: str, kind: str
) -> None:
    run = Run.open(plan, root=tmp_path / "s")
    while sum(trial.state is TrialState.PAUSED for trial in run.trials.values()) < 3:
        run.pump(10.0)
    service.break_at(bucket, 1.0, [kind])
    with pytest.raises(BackendError, match=r"checkpoint_store cannot be used: .*credentials have"):
        finish_wiping(run)
    run.close()
    assert run.table.failed == 0

    service.mend(bucket)
    shutil.rmtree(run.directory / "trials")  # and it is another machine
    (run.directory / "trials").mkdir()
    again = Run.open(plan, root=tmp_path / "s", resume=True, audit=True)
    finish_wiping(again)
    assert_whole(again)
    assert again.table.failed == 0


@pytest.mark.parametrize("kind", ["expired", "denied"])
def test_without_rights_no_trial_is_started(
    plan: Plan, tmp_path: Path, service: Service, bucket: str, kind: str
) -> None:
    service.break_at(bucket, 1.0, [kind])
    with pytest.raises(BackendError, match=r"checkpoint_store cannot be used: .*credentials have"):
        Run.open(plan, root=tmp_path / "s")
    assert not list((tmp_path / "s").glob("runs/*/*/*/trials/*"))


@pytest.mark.slow
@pytest.mark.parametrize("lines", [6, 12, 18])
def test_a_controller_that_is_killed_is_followed_on_a_machine_that_has_no_trials(
    tmp_path: Path,
    bucket: str,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    lines: int,
) -> None:
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)
    folder = make_project(tmp_path)
    options = ("--synebench", "toy", "--checkpoint_store", f"s3://{bucket}/hpo", "-q")
    process = start_pytest(folder, *options)
    wait_for_lines(process, folder, lines)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert until_gone(folder) == []
    (trials,) = folder.glob(".synebench/runs/*/*/*/trials")
    shutil.rmtree(trials)
    trials.mkdir()

    done = run_pytest(folder, *options, "--synebench-resume", "--audit")
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = load_runs(folder / ".synebench")
    assert run.finished
    assert len(run.trials) == 6
    for trial in run.trials:
        x = float(trial.config["x"])  # type: ignore[arg-type] # the space says uniform
        loss = 10.0 + x
        for report in trial.reports:
            loss *= 0.5 + x / 4
            assert report.loss == loss
