"""Where processes are made: warm, cold, elsewhere when a supervisor fails."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.backends.local.backend import LocalBackend
from pytest_synebench.backends.protocol import AttemptEnded, AttemptPlaced
from pytest_synebench.backends.supervision.keeper import Keeper
from pytest_synebench.backends.supervision.nursery import Nursery
from pytest_synebench.errors import BackendError, UsageError
from pytest_synebench.testing.plays import Stage, Watcher

from .local_stage import REPORTS, local_stage, run, spec_of

#: Tells whether its process was forked from a warm one: that shows the supervisor's command.
HOW = REPORTS + (
    "import os\n"
    "command = open('/proc/self/cmdline').read()\n"
    "report(warm='supervisor.program' in command, parent=os.getppid())\n"
)
HANGS = HOW + "import signal\nwhile True: signal.pause()\n"


BROKEN_OFF = (
    r"^the supervisor of this machine's trials has ended: signal 9 \(SIGKILL\), and with it the "
    "trials that ran; nothing that was reported is lost: continue with --synebench-resume"
)


def kill(keeper: Keeper) -> None:
    os.kill(keeper.pid, signal.SIGKILL)
    os.waitid(os.P_PID, keeper.pid, os.WEXITED | os.WNOWAIT)


@pytest.mark.parametrize(("launch", "warm"), [("warm", True), ("cold", False)])
def test_processes_are_made_as_was_asked_and_nothing_is_remarked(
    tmp_path: Path, launch: str, warm: bool
) -> None:
    remarks: list[str] = []
    with local_stage(tmp_path, HOW, launch=launch, remark=remarks.append) as stage:
        watcher, _ = run(stage, spec_of(stage))
        assert watcher.reports(spec_of(stage))[0]["warm"] == warm
    assert remarks == []


def test_a_script_that_imports_nothing_is_forked_as_well(tmp_path: Path) -> None:
    script = "print('supervisor.program' in open('/proc/self/cmdline').read())"
    with local_stage(tmp_path, script, launch="warm") as stage:
        run(stage, spec_of(stage))
        assert (stage.directory / "0/stdout.log").read_text() == "True\n"


def test_an_interpreter_of_its_own_runs_cold_and_that_is_said_once(tmp_path: Path) -> None:
    remarks: list[str] = []
    with local_stage(
        tmp_path, HOW, launch="warm", interpreter=sys.executable, remark=remarks.append
    ) as stage:
        for trial in range(2):
            watcher, _ = run(stage, spec_of(stage, trial))
            assert watcher.reports(spec_of(stage, trial))[0]["warm"] is False
    assert remarks == ["its own interpreter"]


@pytest.mark.parametrize("stays", [True, False])
def test_what_cannot_be_forked_runs_cold_and_that_is_said_once(tmp_path: Path, stays: bool) -> None:
    (tmp_path / "packages").mkdir()
    bad = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()"
    (tmp_path / "packages/bad.py").write_text(bad if stays else "import os\nos._exit(3)")
    remarks: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path / "packages"))
        with local_stage(
            tmp_path, HOW, launch="warm", preload=("bad",), remark=remarks.append
        ) as stage:
            for trial in range(2):
                watcher, end = run(stage, spec_of(stage, trial))
                assert end.ok
                assert watcher.reports(spec_of(stage, trial))[0]["warm"] is False
    assert len(remarks) == 1
    assert ("thread" if stays else "its imports end the process: ") in remarks[0]
    assert "\n" not in remarks[0]


def test_experiments_share_supervisors_and_close_only_their_own_attempts(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    with Nursery() as nursery:
        options = {"launch": "warm", "nursery": nursery}
        with local_stage(folders[0], HANGS, **options) as first:
            here = Watcher(first, first.backend)
            first.backend.start(spec_of(first))
            with local_stage(folders[1], HANGS, **options) as second:
                there = Watcher(second, second.backend)
                second.backend.start(spec_of(second))
                there.reported(spec_of(second))
                here.reported(spec_of(first))
            (one,), (other,) = here.reports(spec_of(first)), there.reports(spec_of(second))
            assert one["parent"] == other["parent"]
            assert first.alive() == 1
            assert here.end(spec_of(first).key) is None


@pytest.mark.parametrize("launch", ["warm", "cold"])
def test_when_a_supervisor_is_killed_the_run_breaks_off_once_and_the_next_has_another(
    tmp_path: Path, launch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fork = "import signal\nif os.fork() == 0:\n    os.setsid()\n    while True: signal.pause()\n"
    script = HOW.replace("report(", fork + "report(") + HANGS.removeprefix(HOW)
    with (
        Nursery() as nursery,
        local_stage(tmp_path, script, launch=launch, nursery=nursery) as stage,
    ):
        watcher = Watcher(stage, stage.backend)
        lost, other, next_ = (spec_of(stage, trial) for trial in range(3))
        for spec in (lost, other):
            stage.backend.start(spec)
        watcher.reported(lost, other)
        os.kill(int(str(watcher.reports(lost)[0]["parent"])), signal.SIGKILL)
        with pytest.raises(BackendError, match=BROKEN_OFF):
            watcher.ends(lost, other)
        assert stage.alive() == 0
        assert watcher.end(lost.key) is watcher.end(other.key) is None
        stage.backend.start(next_)
        watcher.reported(next_)
        watcher.look(0.0)

        turns, turn = [], LocalBackend._turn

        def counted(backend: LocalBackend, until_s: float) -> bool:
            turns.append(until_s)
            return turn(backend, until_s)

        monkeypatch.setattr(LocalBackend, "_turn", counted)
        assert watcher.look(0.2) == []
        assert len(turns) <= 2  # the socket of the dead one wakes nobody


def test_what_waits_for_a_supervisor_that_dies_is_made_by_another(tmp_path: Path) -> None:
    with Nursery() as nursery, local_stage(tmp_path, HOW, nursery=nursery) as stage:
        keeper = nursery.keeper_for(())
        os.kill(keeper.pid, signal.SIGSTOP)
        stage.backend.start(spec_of(stage))
        kill(keeper)
        watcher = Watcher(stage, stage.backend)
        assert watcher.ends(spec_of(stage))[0].ok
        assert watcher.kinds(spec_of(stage)).count(AttemptPlaced) == 1


def test_when_every_supervisor_dies_that_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_synebench.backends.supervision.keeper.PROGRAM", "no_such_program")
    with local_stage(tmp_path, HOW) as stage:
        stage.backend.start(spec_of(stage))
        with pytest.raises(BackendError, match="No module named 'no_such_program'") as told:
            Watcher(stage, stage.backend).ends(spec_of(stage))
        assert str(told.value).startswith("trial 0 (attempt 0) cannot be started: the supervisor")


def test_what_waits_for_imports_is_stopped_at_once(tmp_path: Path) -> None:
    slow = tmp_path / "packages"
    slow.mkdir()
    (slow / "slow.py").write_text("import signal\nsignal.pause()")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(slow))
        with local_stage(tmp_path, HOW, launch="warm", preload=("slow",)) as stage:
            spec, watcher = spec_of(stage), Watcher(stage, stage.backend)
            stage.backend.start(spec)
            stage.backend.stop(spec.key)
            placed, end = watcher.look(0.0)
            assert isinstance(placed, AttemptPlaced)
            assert isinstance(end, AttemptEnded)
            assert end.detail == "told to stop: signal 15 (SIGTERM)"


def test_an_attempt_is_placed_while_its_supervisor_still_imports(tmp_path: Path) -> None:
    (tmp_path / "hanging.py").write_text("import signal\nsignal.pause()")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        with local_stage(tmp_path, HOW, launch="warm", preload=("hanging",)) as stage:
            spec, watcher = spec_of(stage), Watcher(stage, stage.backend)
            stage.backend.start(spec)
            assert watcher.look(0.0) == [AttemptPlaced(key=spec.key)]


def test_what_was_reported_is_told_before_the_run_breaks_off(tmp_path: Path) -> None:
    go, done = tmp_path / "go", tmp_path / "done"
    os.mkfifo(go)
    os.mkfifo(done)
    script = REPORTS + (
        "import signal\n"
        f"report(n=1)\nopen({str(go)!r}).read()\n"
        f"report(n=2)\nopen({str(done)!r}, 'w').close()\n"
        "while True: signal.pause()\n"
    )
    with Nursery() as nursery, local_stage(tmp_path, script, nursery=nursery) as stage:
        spec, watcher = spec_of(stage), Watcher(stage, stage.backend)
        stage.backend.start(spec)
        watcher.reported(spec)
        go.write_text("")
        done.read_text()
        kill(nursery.keeper_for(()))
        with pytest.raises(BackendError, match=BROKEN_OFF):
            watcher.ends(spec)
        assert watcher.reports(spec) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("name", ["no_such_module", "", "no_such.module"])
def test_a_module_that_cannot_be_preloaded_is_refused_before_anything_starts(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(
        UsageError,
        match=rf"module '{name}' in preload is not there; Benchmark\(preload=\.\.\.\) names "
        "modules that can be imported",
    ):
        LocalBackend(tmp_path / "script.py", run_token="x", preload=("json.decoder", name))


@pytest.mark.parametrize("options", [{"launch": "cold"}, {"interpreter": sys.executable}])
def test_what_is_not_preloaded_need_not_be_there(tmp_path: Path, options: Any) -> None:
    LocalBackend(
        tmp_path / "script.py", run_token=str(tmp_path), preload=("no_such_module",), **options
    ).close()


def test_a_fork_of_the_controller_changes_nothing(tmp_path: Path) -> None:
    with local_stage(tmp_path, HANGS, launch="warm") as stage:
        spec, watcher = spec_of(stage), Watcher(stage, stage.backend)
        stage.backend.start(spec)
        watcher.reported(spec)
        child = os.fork()
        if child == 0:
            _act_as_a_fork(stage)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert stage.alive() == 1
        stage.backend.stop(spec.key)
        assert not watcher.ends(spec)[0].ok


def _act_as_a_fork(stage: Stage) -> None:
    """Do all that must do nothing, and leave: 0 if it did."""
    code = 1
    try:
        stage.backend.stop(spec_of(stage).key)
        assert stage.backend.poll(10.0) == []
        stage.backend.close()
        with pytest.raises(BackendError, match="closed"):
            stage.backend.start(spec_of(stage, 9))
        code = 0
    finally:
        os._exit(code)
