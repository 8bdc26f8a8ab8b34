"""Signals that come before there is anything to signal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from training_jobs import request
from tuner_jobs import WAITS

from pytest_synebench.emulator.clock import Clock
from pytest_synebench.emulator.jobs.account import Account, Entry, Settings
from pytest_synebench.emulator.jobs.lifecycle import Reclaimed, StopAsked
from pytest_synebench.emulator.machine.runner import Runner

AWS = {"AWS_DEFAULT_REGION": "us-east-1"}
PATIENCE_S = 60.0


class Aws:
    """Takes logs, once it may, and models."""

    def __init__(self) -> None:
        self.reached, self.may = threading.Event(), threading.Event()

    def create_log_group(self, **_: object) -> None:
        self.reached.set()
        assert self.may.wait(PATIENCE_S)

    def create_log_stream(self, **_: object) -> None: ...

    def put_log_events(self, **_: object) -> None: ...

    def put_object(self, **_: object) -> None: ...


class Jobs:
    """An account whose jobs sleep, and have no container before the log answers."""

    def __init__(self, folder: Path, startup_s: float = 0.0) -> None:
        self.aws = Aws()
        self.account = Account(Clock(driven=True), Settings(startup_s=startup_s))
        self.runner = Runner(self.account, lambda _: self.aws, AWS, folder)
        self.account.use(self.runner)

    def create(self, command: list[str] | None = None, **fields: Any) -> Entry:
        told = request("a", **fields)
        told["AlgorithmSpecification"]["ContainerEntrypoint"] = command or ["sleep", "1000"]
        for name in ("InputDataConfig", "CheckpointConfig"):
            del told[name]  # S3 is not here
        return self.account.create(told)

    def ends(self, entry: Entry) -> str:
        assert self.account.wait(lambda: entry.life.ended_s is not None, PATIENCE_S)
        return entry.life.failure


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    made = Jobs(tmp_path)
    yield made
    made.runner.close()


def test_a_kill_before_there_is_a_container_kills_what_it_runs(jobs: Jobs) -> None:
    entry = jobs.create()
    assert jobs.aws.reached.wait(PATIENCE_S)
    jobs.runner.kill("a")
    jobs.aws.may.set()
    assert jobs.ends(entry) == "AlgorithmError: , exit code: 137"


def test_a_kill_before_there_is_a_machine_kills_what_it_runs(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, startup_s=60.0)
    entry = jobs.create()
    jobs.runner.kill("a")
    jobs.aws.may.set()
    jobs.account.advance(60.0)
    assert jobs.ends(entry) == "AlgorithmError: , exit code: 137"
    jobs.runner.close()


@pytest.mark.parametrize("when", ["no machine", "no container"])
def test_a_kill_is_for_one_process_and_not_for_the_next(tmp_path: Path, when: str) -> None:
    jobs = Jobs(tmp_path, startup_s=60.0)
    condition = {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}
    command = ["sh", "-c", WAITS]
    entry = jobs.create(command, EnableManagedSpotTraining=True, StoppingCondition=condition)
    if when == "no machine":
        jobs.runner.kill("a")
    jobs.account.advance(60.0)
    assert jobs.aws.reached.wait(PATIENCE_S)
    jobs.account.feed(entry, Reclaimed())
    if when == "no container":
        jobs.runner.kill("a")
    jobs.aws.may.set()
    assert jobs.account.wait(lambda: entry.life.secondary == "Interrupted", PATIENCE_S)
    entry.lines.clear()
    jobs.account.tick()
    jobs.account.advance(60.0)
    assert jobs.account.wait(lambda: "ready" in entry.lines, PATIENCE_S)
    jobs.account.feed(entry, StopAsked())
    assert jobs.ends(entry) == ""
    jobs.runner.close()
