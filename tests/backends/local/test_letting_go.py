"""Closing, when supervisors do not do as they are told."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_synebench.backends.local.logs import CappedLog
from pytest_synebench.backends.supervision import leftovers
from pytest_synebench.backends.supervision.keeper import Keeper
from pytest_synebench.backends.supervision.nursery import Nursery
from pytest_synebench.errors import BackendError
from pytest_synebench.testing.plays import Watcher

from .local_stage import REPORTS, alive, local_stage, spec_of

HANGS = REPORTS + ("import os, signal\nreport(parent=os.getppid())\nwhile True: signal.pause()\n")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_synebench.backends.local.backend._CLOSING_S", 0.05)


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[CappedLog]]:
    """The logs that were closed, in order; each once."""
    logs: list[CappedLog] = []
    close = CappedLog.close

    def recorded(log: CappedLog) -> None:
        logs.append(log)
        close(log)

    monkeypatch.setattr(CappedLog, "close", recorded)
    yield logs
    assert len(set(logs)) == len(logs)


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)


@pytest.mark.parametrize("launch", ["warm", "cold"])
@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("asked", [True, False])
def test_with_a_stopped_supervisor_everything_is_ended_and_closed_once(
    tmp_path: Path, launch: str, own: bool, asked: bool, short: None, closed: list[CappedLog]
) -> None:
    nursery = Nursery()
    options = {} if own else {"nursery": nursery}
    with nursery, local_stage(tmp_path, HANGS, launch=launch, **options) as stage:
        runs, waits = spec_of(stage), spec_of(stage, 1)
        watcher = Watcher(stage, stage.backend)
        stage.backend.start(runs)
        watcher.reported(runs)
        stop(int(str(watcher.reports(runs)[0]["parent"])))
        stage.backend.start(waits)
        if asked:
            stage.backend.stop(runs.key)
        stage.backend.close()
        assert alive(str(tmp_path)) == []
        assert len(closed) == 4
        assert stage.backend.poll(10.0) == []


def test_whoever_shared_a_supervisor_that_was_ended_breaks_off_and_can_start_others(
    tmp_path: Path, short: None
) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    with Nursery() as nursery, local_stage(folders[0], HANGS, nursery=nursery) as first:
        watcher, specs = Watcher(first, first.backend), [spec_of(first, n) for n in range(2)]
        first.backend.start(specs[0])
        watcher.reported(specs[0])
        with local_stage(folders[1], HANGS, nursery=nursery) as second:
            other = Watcher(second, second.backend)
            second.backend.start(spec_of(second))
            other.reported(spec_of(second))
            stop(nursery.keeper_for(()).pid)
            second.backend.close()
        first.backend.start(specs[1])  # its descriptors have the numbers that were the supervisor's
        with pytest.raises(BackendError, match="continue with --synebench-resume"):
            watcher.ends(specs[0])
        watcher.reported(specs[1])


def test_what_is_left_even_then_is_told_and_all_else_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: None, closed: list[CappedLog]
) -> None:
    end_leftovers = leftovers.end_leftovers

    def refuse(tag: str, patience_s: float) -> int:
        end_leftovers(tag, patience_s)
        raise BackendError("12: sent SIGKILL and still there")

    with local_stage(tmp_path, HANGS) as stage:
        spec, watcher = spec_of(stage), Watcher(stage, stage.backend)
        stage.backend.start(spec)
        watcher.reported(spec)
        stop(int(str(watcher.reports(spec)[0]["parent"])))
        monkeypatch.setattr(leftovers, "end_leftovers", refuse)
        with pytest.raises(BackendError, match=r"^trial 0 \(attempt 0\): .*: 12: sent SIGKILL"):
            stage.backend.close()
        stage.backend.close()
        assert len(closed) == 2


def test_a_supervisor_that_does_as_it_is_told_is_kept(tmp_path: Path) -> None:
    with Nursery() as nursery:
        with local_stage(tmp_path, HANGS, nursery=nursery) as stage:
            stage.backend.start(spec_of(stage))
            Watcher(stage, stage.backend).reported(spec_of(stage))
            keeper: Keeper = nursery.keeper_for(())
        assert nursery.keeper_for(()) is keeper
