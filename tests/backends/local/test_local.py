"""LocalBackend with real processes that behave badly."""

from __future__ import annotations

import os
import resource
import selectors
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import pytest_synebench
from pytest_synebench.backends.local.backend import LocalBackend
from pytest_synebench.backends.local.briefing import thread_variables
from pytest_synebench.backends.protocol import AttemptEnded, AttemptSpec
from pytest_synebench.backends.supervision.keeper import Keeper
from pytest_synebench.clock import SystemClock
from pytest_synebench.errors import BackendError, UsageError
from pytest_synebench.testing.plays import Stage, Watcher

from .local_stage import REPORTS, gone, local_stage, open_descriptors, run, spec_of

Events = list[tuple[selectors.SelectorKey, int]]

HANGS = REPORTS + "import signal\nreport(loss=1)\nwhile True: signal.pause()\n"


class SteppingClock(SystemClock):
    """Time passes, and can be made to pass at once."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now_s(self) -> float:
        return super().now_s() + self.ahead_s


# -- stopping ------------------------------------------------------------------------------------


def test_force_comes_when_the_grace_is_over_and_not_before(tmp_path: Path) -> None:
    clock = SteppingClock()
    script = HANGS.replace("report(", "signal.signal(signal.SIGTERM, signal.SIG_IGN); report(", 1)
    with local_stage(tmp_path, script, grace_s=1000.0, clock=clock) as stage:
        spec, watcher = spec_of(stage), Watcher(stage, stage.backend)
        stage.backend.start(spec)
        watcher.reported(spec)
        stage.backend.stop(spec.key)
        clock.ahead_s += 900.0
        watcher.look(0.0)
        stage.backend.stop(spec.key)  # said again, it does not begin anew
        assert stage.alive() == 1

        clock.ahead_s += 101.0
        assert "ended by force: signal 9 (SIGKILL)" in watcher.ends(spec)[0].detail


def test_who_waits_is_woken_when_politeness_ends(tmp_path: Path) -> None:
    script = HANGS.replace("report(", "signal.signal(signal.SIGTERM, signal.SIG_IGN); report(", 1)
    with local_stage(tmp_path, script, grace_s=0.05) as stage:
        spec, watcher = spec_of(stage), Watcher(stage, stage.backend)
        stage.backend.start(spec)
        watcher.reported(spec)
        stage.backend.stop(spec.key)
        assert [type(seen) for seen in watcher.look(20.0)] == [AttemptEnded]


def test_a_script_may_use_the_grace_to_end_in_its_own_way(tmp_path: Path) -> None:
    script = REPORTS + (
        "import signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
        "report(loss=1)\n"
        "signal.sigwait({signal.SIGTERM})\n"
        "report(loss=2)\n"
        "sys.exit(5)\n"
    )
    with local_stage(tmp_path, script, grace_s=60.0) as stage:
        spec, watcher = spec_of(stage), Watcher(stage, stage.backend)
        stage.backend.start(spec)
        watcher.reported(spec)
        stage.backend.stop(spec.key)
        (end,) = watcher.ends(spec)
        assert end.detail == "told to stop: exit code 5"
        assert [report["loss"] for report in watcher.reports(spec)] == [1, 2]


@pytest.mark.parametrize("first", ["", "import os; os.close(1)\n"])
def test_while_nothing_happens_nothing_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    with local_stage(tmp_path, first + HANGS) as stage:
        spec, watcher = spec_of(stage), Watcher(stage, stage.backend)
        stage.backend.start(spec)
        watcher.reported(spec)
        watcher.look(0.0)
        turns = []
        turn = LocalBackend._turn

        def counted(backend: LocalBackend, until_s: float) -> bool:
            turns.append(until_s)
            return turn(backend, until_s)

        monkeypatch.setattr(LocalBackend, "_turn", counted)
        assert watcher.look(0.2) == []
        assert len(turns) <= 2  # one wait, one more should the clocks differ by a tick


# -- logs ----------------------------------------------------------------------------------------


def test_output_is_kept_byte_for_byte_over_attempts_and_up_to_the_cap(tmp_path: Path) -> None:
    script = "import os\nos.write(1, bytes(range(256)))\nos.write(2, b'\\0\\r\\n')"
    with local_stage(tmp_path, script, log_cap_bytes=600) as stage:
        for number in range(4):
            run(stage, spec_of(stage, number=number))
        once = bytes(range(256))
        assert (stage.directory / "0/stdout.log").read_bytes() == (once * 3)[:600] + (
            b"\n[synebench: 600 bytes reached, the rest is dropped]\n"
        )
        assert (stage.directory / "0/stderr.log").read_bytes() == b"\0\r\n" * 4


def test_a_flood_of_output_neither_fills_the_disk_nor_stops_the_others(tmp_path: Path) -> None:
    script = REPORTS + (
        "import argparse, os\n"
        "parser = argparse.ArgumentParser()\n"
        "parser.add_argument('--loud', type=int)\n"
        "for n in range(200 * parser.parse_args().loud): os.write(1, b'x' * 65536)\n"
        "report(loss=1)\n"
    )
    with local_stage(tmp_path, script, log_cap_bytes=1000) as stage:
        specs = [spec_of(stage, trial, loud=loud) for trial, loud in enumerate([1, 0])]
        watcher = Watcher(stage, stage.backend)
        for spec in specs:
            stage.backend.start(spec)
        assert all(end.ok for end in watcher.ends(*specs))
        assert (stage.directory / "0/stdout.log").stat().st_size < 1100


def test_a_full_disk_under_a_log_is_told_and_harms_nothing(tmp_path: Path) -> None:
    with local_stage(tmp_path, REPORTS + "print('lost')\nreport(loss=1)") as stage:
        spec = spec_of(stage)
        (spec.directory / "stdout.log").symlink_to("/dev/full")
        watcher, end = run(stage, spec)
        assert (end.ok, len(watcher.reports(spec))) == (True, 1)
        assert "log lines were lost: No space left on device" in end.detail


# -- what cannot be started ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interpreter", "where"), [("/no/such/python", ", or is"), ("no-such-python", " on the PATH")]
)
def test_an_interpreter_that_is_not_there_is_refused_before_anything_starts(
    tmp_path: Path, interpreter: str, where: str
) -> None:
    with pytest.raises(UsageError, match=f"interpreter '{interpreter}' is not there{where}"):
        LocalBackend(tmp_path / "script.py", run_token="x", interpreter=interpreter)


def test_an_interpreter_that_vanished_is_named_and_the_rest_can_go_on(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    path = {"PYTHONPATH": str(Path(pytest_synebench.__file__).parent.parent)}
    with local_stage(tmp_path, HANGS, interpreter=str(python), environment=path) as stage:
        first, spec = spec_of(stage), spec_of(stage, 1)
        watcher = Watcher(stage, stage.backend)
        stage.backend.start(first)
        watcher.reported(first)
        python.unlink()
        stage.backend.start(spec)
        with pytest.raises(
            BackendError, match=rf"trial 1 \(.*No such file.*: {python}; name one that is there"
        ):
            watcher.ends(spec)
        python.symlink_to(sys.executable)
        stage.backend.start(spec)
        watcher.reported(spec)


def test_a_full_disk_stops_the_start_with_a_way_out(tmp_path: Path) -> None:
    with local_stage(tmp_path, "") as stage:
        spec = spec_of(stage)
        (spec.directory / ".config.json.part").symlink_to("/dev/full")
        with pytest.raises(BackendError, match=r"trial 0 .*No space left.*--synebench-resume"):
            stage.backend.start(spec)
        assert stage.alive() == 0


def test_at_every_lack_of_descriptors_the_start_is_undone(
    tmp_path: Path, few_descriptors: None
) -> None:
    with local_stage(tmp_path, REPORTS + "report(loss=1)") as stage:
        run(stage, spec_of(stage, 1))  # the supervisor runs
        before, spec = open_descriptors(), spec_of(stage)
        refusals = 0
        while refused(stage, spec, 4 + refusals):  # a new descriptor's number is below the limit
            assert stage.alive() == 0
            assert open_descriptors() == before
            refusals += 1
        assert refusals >= 8
        assert Watcher(stage, stage.backend).ends(spec)[0].ok


@pytest.mark.parametrize("number", range(3))
def test_a_process_that_cannot_be_listened_to_is_not_left_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    with local_stage(tmp_path, HANGS) as stage:
        run_first = spec_of(stage, 1)
        stage.backend.start(run_first)  # the supervisor runs, and is listened to
        stage.backend.stop(run_first.key)
        Watcher(stage, stage.backend).ends(run_first)
        before, spec = open_descriptors(), spec_of(stage)
        register = selectors.EpollSelector.register
        left = iter(range(number))

        def few(
            selector: selectors.EpollSelector, fd: int, events: int, data: object = None
        ) -> selectors.SelectorKey:
            if next(left, None) is None:
                raise OSError(28, "No space left on device")
            return register(selector, fd, events, data)

        with monkeypatch.context() as patch:
            patch.setattr(selectors.EpollSelector, "register", few)
            with pytest.raises(BackendError, match="cannot be started: No space left"):
                stage.backend.start(spec)
        assert stage.alive() == 0
        assert open_descriptors() == before
        stage.backend.start(spec)
        Watcher(stage, stage.backend).reported(spec)


def refused(stage: Stage, spec: AttemptSpec, descriptors: int) -> bool:
    """Start with so many descriptors; whether that was refused in the right words."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))
    try:
        stage.backend.start(spec)
    except BackendError as error:
        return "Too many open files" in str(error) and "raise `ulimit -n`" in str(error)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
    return False


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_when_processes_cannot_be_watched_everything_can_still_be_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(keeper: Keeper) -> None:
        raise OSError(24, "Too many open files")

    with local_stage(tmp_path, "import sys; sys.exit(3)") as stage:
        specs = [spec_of(stage, trial) for trial in range(2)]
        stage.backend.start(specs[0])
        watcher = Watcher(stage, stage.backend)
        with monkeypatch.context() as patch:
            patch.setattr(Keeper, "receive", refuse)
            with pytest.raises(BackendError, match="cannot be watched: Too many open files; each"):
                watcher.ends(specs[0])
            with pytest.raises(BackendError, match="cannot be ended: Too many open files; each"):
                stage.backend.close()
        stage.backend.close()
        assert stage.alive() == 0


def test_a_value_that_no_argument_holds_is_the_end_of_its_attempt_alone(tmp_path: Path) -> None:
    with local_stage(tmp_path, "") as stage:
        spec = spec_of(stage, text="a\0b")
        stage.backend.start(spec)
        seen = stage.backend.poll(0.0)
        assert [type(observation) for observation in seen] == [AttemptEnded]
        assert "'text' cannot be an argument" in seen[0].detail  # type: ignore[union-attr]
        assert run(stage, spec_of(stage, 1))[1].ok


def test_arguments_that_are_too_long_together_are_the_end_of_their_attempt(tmp_path: Path) -> None:
    with local_stage(tmp_path, "") as stage:
        config: dict[str, Any] = {f"x{n}": "y" * 100_000 for n in range(80)}
        spec = spec_of(stage, **config)
        stage.backend.start(spec)
        (end,) = Watcher(stage, stage.backend).ends(spec)
        assert "are more than this system takes" in end.detail


@pytest.mark.parametrize("failure", ["absent", "old kernel"])
def test_a_system_without_pidfd_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    def refuse(pid: int) -> int:
        raise OSError(38, "Function not implemented")

    if failure == "absent":
        monkeypatch.delattr(os, "pidfd_open")
    else:
        monkeypatch.setattr(os, "pidfd_open", refuse)
    with pytest.raises(UsageError, match=r"runs on Linux 5\.3 or newer, this is linux"):
        LocalBackend(tmp_path / "script.py", run_token="x")


# -- what the script gets ------------------------------------------------------------------------


def test_the_script_has_a_session_and_nothing_of_ours_but_its_pipe(tmp_path: Path) -> None:
    script = REPORTS + (
        "import os, sys\n"
        "fds = sorted(map(int, os.listdir('/proc/self/fd')))[:-1]\n"
        "report(fds=len(fds), leader=os.getsid(0) == os.getpid(), stdin=sys.stdin.read())\n"
    )
    with local_stage(tmp_path, script) as stage, something_on_stdin():
        watcher, _ = run(stage, spec_of(stage))
        (told,) = watcher.reports(spec_of(stage))
        assert told == {"fds": 4, "leader": True, "stdin": ""}


@contextmanager
def something_on_stdin() -> Iterator[None]:
    ours, other = os.pipe()
    os.write(other, b"typed by the user")
    os.close(other)
    saved = os.dup(0)
    os.dup2(ours, 0)
    os.close(ours)
    try:
        yield
    finally:
        os.dup2(saved, 0)
        os.close(saved)


def test_the_environment_is_the_users_with_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USERS_OWN", "yes")
    monkeypatch.setenv("COVERAGE_PROCESS_START", "x")
    names = ["USERS_OWN", "COVERAGE_PROCESS_START", "PYTHONHASHSEED"]
    names += ["SYNEBENCH_RUN", "OMP_NUM_THREADS"]
    script = REPORTS + f"import os\nreport(**{{n: os.environ.get(n) for n in {names}}})"
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    with local_stage(tmp_path, script, environment=thread_variables(3)) as stage:
        watcher, _ = run(stage, spec_of(stage, 5))
        assert watcher.reports(spec_of(stage, 5)) == [
            {
                "USERS_OWN": "yes",
                "COVERAGE_PROCESS_START": None,
                "PYTHONHASHSEED": "0",
                "SYNEBENCH_RUN": str(tmp_path),
                "OMP_NUM_THREADS": "3",
            }
        ]


def test_what_is_known_already_is_told_without_a_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float | None] = []
    select = selectors.EpollSelector.select

    def recorded(selector: selectors.EpollSelector, wait_s: float | None = None) -> Events:
        waits.append(wait_s)
        return select(selector, wait_s)

    monkeypatch.setattr(selectors.EpollSelector, "select", recorded)
    with local_stage(tmp_path, "") as stage:
        stage.backend.start(spec_of(stage, text="a\0b"))
        assert len(stage.backend.poll(5.0)) == 1
        assert waits == [0.0]


def test_the_order_of_what_happens_at_once_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: list[int]
) -> None:
    select = selectors.EpollSelector.select

    def reversed_(selector: selectors.EpollSelector, wait_s: float | None = None) -> Events:
        return select(selector, wait_s)[::-1]

    monkeypatch.setattr(selectors.EpollSelector, "select", reversed_)
    with local_stage(tmp_path, REPORTS + "print(report(loss=1))") as stage:
        spec, watcher = spec_of(stage), Watcher(stage, stage.backend)
        stage.backend.start(spec)
        watcher.until(lambda: made)
        gone(made[0])
        assert watcher.ends(spec)[0].ok
        assert watcher.reports(spec) == [{"loss": 1}]
