"""One attempt on this machine: how it ended, and what it tried to leave behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_synebench.backends.local import backend
from pytest_synebench.backends.local.backend import LocalBackend
from pytest_synebench.backends.supervision.leftovers import look
from pytest_synebench.testing.plays import Watcher

from .local_stage import REPORTS, alive, gone, local_stage, run, spec_of

# -- how it ended --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "ok", "detail"),
    [
        ("import os; os._exit(0)", True, "exit code 0"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", False, "signal 11 (SIGSEGV)"),
        (
            "import os; os.kill(os.getpid(), 9)",
            False,
            "signal 9 (SIGKILL): killed from out",
        ),
        ("import os; os.kill(os.getpid(), 40)", False, "signal 40"),
        ("import sys; sys.exit('no data')", False, "exit code 1\nno data"),
        ("def", False, "SyntaxError"),
    ],
)
def test_the_end_is_told_in_words(tmp_path: Path, script: str, ok: bool, detail: str) -> None:
    with local_stage(tmp_path, script) as stage:
        watcher, end = run(stage, spec_of(stage))
        assert end.ok == ok
        assert detail in end.detail
        assert watcher.reports(spec_of(stage)) == []


def test_a_script_that_is_not_there_is_the_end_of_its_attempt(tmp_path: Path) -> None:
    with local_stage(tmp_path, "") as stage:
        (tmp_path / "script.py").unlink()
        _, end = run(stage, spec_of(stage))
        assert not end.ok
        assert "can't open file" in end.detail


def test_only_the_last_lines_of_stderr_are_told(tmp_path: Path) -> None:
    script = "import sys\nfor n in range(9000): print(n, file=sys.stderr)\nsys.exit(1)"
    with local_stage(tmp_path, script) as stage:
        _, end = run(stage, spec_of(stage))
        assert end.detail.splitlines() == ["exit code 1", *map(str, range(8980, 9000))]
        assert (stage.directory / "0/stderr.log").read_text().count("\n") == 9000


def test_what_was_no_message_on_the_report_channel_is_counted(tmp_path: Path) -> None:
    script = REPORTS + (
        "import json, os\n"
        "told = json.load(open(os.environ['SYNEBENCH_ATTEMPT']))\n"
        "os.write(told['fd'], b'\\xff junk\\n')\n"
        "report(loss=1)\n"
        "os.write(told['fd'], told['nonce'].encode() + b' 2 {\"kind\":\"report\"}\\n')\n"
    )
    with local_stage(tmp_path, script) as stage:
        watcher, end = run(stage, spec_of(stage))
        assert end.detail == "exit code 0; lines on its report channel that were no messages: 2"
        assert watcher.reports(spec_of(stage)) == [{"loss": 1}]


# -- what it leaves behind -----------------------------------------------------------------------

FORK_TWICE = """
import os, signal
if os.fork() == 0:
    {setsid}
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True: signal.pause()
    os._exit(0)
os.wait()
"""


@pytest.mark.parametrize("setsid", ["pass", "os.setsid()"])
@pytest.mark.parametrize("ends", ["os._exit(0)", "while True: signal.pause()"])
def test_grandchildren_that_hold_the_pipes_end_with_the_attempt(
    tmp_path: Path, setsid: str, ends: str
) -> None:
    script = REPORTS + FORK_TWICE.format(setsid=setsid) + "report(loss=1)\n" + ends
    with local_stage(tmp_path, script) as stage:
        spec, watcher = spec_of(stage), Watcher(stage, stage.backend)
        stage.backend.start(spec)
        watcher.reported(spec)
        if "pause" in ends:
            assert stage.alive() == 2
            stage.backend.stop(spec.key)
        (end,) = watcher.ends(spec)
        assert end.ok == ("_exit" in ends)
        assert stage.alive() == 0


@pytest.mark.parametrize("deaf", [True, False])
def test_a_child_without_the_tag_in_a_session_of_its_own_ends_too(
    tmp_path: Path, deaf: bool
) -> None:
    script = REPORTS + (
        "import signal, subprocess\n"
        f"if {deaf}: signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['/bin/sleep', '600'], env={}, start_new_session=True)\n"
        "report(child=child.pid)\n"
        "while True: signal.pause()\n"
    )
    with local_stage(tmp_path, script) as stage:
        spec, watcher = spec_of(stage), Watcher(stage, stage.backend)
        stage.backend.start(spec)
        watcher.reported(spec)
        stage.backend.stop(spec.key)
        watcher.ends(spec)
        assert look(int(str(watcher.reports(spec)[0]["child"]))) is None


@pytest.mark.parametrize(("children", "words"), [(1, "1 process"), (2, "2 processes")])
def test_what_it_left_behind_is_found_by_nothing_but_its_ancestry_and_told(
    tmp_path: Path, children: int, words: str
) -> None:
    script = REPORTS + (
        "import os\n"
        f"for _ in range({children}):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        print(os.posix_spawn('/bin/sleep', ['sleep', '600'], {}), flush=True)\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
    )
    with local_stage(tmp_path, script) as stage:
        _, end = run(stage, spec_of(stage))
        assert (end.ok, end.detail) == (True, f"exit code 0; left {words} behind")
        for pid in (stage.directory / "0/stdout.log").read_text().split():
            assert look(int(pid)) is None


def test_everything_that_is_in_the_pipe_comes_before_the_end(
    tmp_path: Path, made: list[int]
) -> None:
    script = REPORTS + (
        "import fcntl, json, os\n"
        "fd = json.load(open(os.environ['SYNEBENCH_ATTEMPT']))['fd']\n"
        "fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 2**20)\n"
        "for n in range(1000): report(n=n, text='x' * 500)\n"
    )
    with local_stage(tmp_path, script) as stage:
        spec, watcher = spec_of(stage), Watcher(stage, stage.backend)
        stage.backend.start(spec)
        watcher.until(lambda: made)
        gone(made[0])
        watcher.ends(spec)
        assert [report["n"] for report in watcher.reports(spec)] == list(range(1000))


@pytest.mark.parametrize("stopped", [True, False])
def test_a_killed_controller_leaves_nothing_once_its_run_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    (tmp_path / "script.py").write_text(
        REPORTS + "import os, signal\nif os.fork(): report(loss=1)\nwhile True: signal.pause()\n"
    )
    (tmp_path / "trials/0").mkdir(parents=True)
    controller = subprocess.Popen(
        [sys.executable, "-c", CONTROLLER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with controller:
        assert controller.stdout is not None
        assert controller.stdout.readline() == "reported\n"
        attempt = alive(str(tmp_path))
        assert len(attempt) == 2
        (supervisor,) = {seen.parent for seen in attempt} - {seen.pid for seen in attempt}
        if stopped:
            os.kill(supervisor, signal.SIGSTOP)
            monkeypatch.setattr(backend, "_PATIENCE_S", 0.01)
        controller.kill()

    LocalBackend(tmp_path / "script.py", run_token=str(tmp_path)).close()
    assert alive(str(tmp_path)) == []
    assert look(supervisor) is None


CONTROLLER = """
import sys
from pathlib import Path
from pytest_synebench.backends.local.backend import LocalBackend
from pytest_synebench.backends.protocol import *
folder = Path(sys.argv[1])
backend = LocalBackend(folder / "script.py", run_token=str(folder))
backend.start(AttemptSpec(key=AttemptKey(0, 0), config={}, seed=0, directory=folder / "trials/0",
    resource_attr=None, until=None, resume_at_most=0, checkpoint_at=None))
while not any(isinstance(o, AttemptReported) for o in backend.poll(60.0)):
    pass
print("reported", flush=True)
backend.poll(600.0)
"""
