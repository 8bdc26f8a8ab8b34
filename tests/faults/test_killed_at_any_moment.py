"""Rows 13 and 14 of the fault matrix: kill -9 of the controller, grandchildren that hide included.

Each moment is a number of journal lines and a delay behind it, drawn once. Eight moments are run
unless SYNEBENCH_KILLS says how many; the whole proof is ``SYNEBENCH_KILLS=50``.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import subprocess
from pathlib import Path

import pytest
from decisions import Line, decided
from toy_project import make_project, run_pytest, start_pytest, until_gone, wait_for_lines

from pytest_synebench.backends.supervision.leftovers import everything

RUN = ("--synebench", "toy", "--work", "200000", "--deterministic", "1", "-q")
KILLS = int(os.environ.get("SYNEBENCH_KILLS", "8"))
LAST_LINE, LONGEST_S = 30, 0.05  # an unbroken run has a few lines more

# A process that nothing connects to its attempt: other session, no environment, no parent.
HIDES = """
import os

here = os.path.dirname(os.path.abspath(__file__))
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 64)
        name = os.path.join(here, "hidden", str(os.getpid()))
        os.close(os.open(name, os.O_CREAT))
        os.execve("/bin/sleep", ["sleep", "3600"], {})
    os._exit(0)
else:
    os.wait()
"""


def hidden_alive(folder: Path) -> list[int]:
    pids = {int(path.name) for path in (folder / "hidden").iterdir()}
    return [seen.pid for seen in everything() if seen.pid in pids and sleeps(seen.pid)]


def sleeps(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"sleep\x003600")
    except OSError:
        return False


def wait_s(process: subprocess.Popen[str], seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def hide(folder: Path) -> None:
    (folder / "hidden").mkdir()
    script = folder / "train.py"
    script.write_text(HIDES + script.read_text())


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> list[Line]:
    folder = make_project(tmp_path_factory.mktemp("unbroken"))
    done = run_pytest(folder, *RUN)
    assert done.returncode == 0, done.stdout + done.stderr
    return decided(folder)


def test_two_unbroken_runs_decide_equally(tmp_path: Path, unbroken: list[Line]) -> None:
    folder = make_project(tmp_path)
    assert run_pytest(folder, *RUN).returncode == 0
    assert decided(folder) == unbroken
    assert any(decision["k"] == "resume" for _, decisions in unbroken for decision in decisions)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(KILLS))
def test_no_process_is_left_and_the_result_is_that_of_an_unbroken_run(
    tmp_path: Path, number: int, unbroken: list[Line]
) -> None:
    chance = random.Random(f"kill {number}")
    folder = make_project(tmp_path)
    hidden = number % 2 == 1
    if hidden:
        hide(folder)
    process = start_pytest(folder, *RUN)
    wait_for_lines(process, folder, chance.randrange(1, LAST_LINE))
    wait_s(process, chance.random() * LONGEST_S)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "it had ended before"
    assert until_gone(folder) == []
    if hidden:
        assert until_none_hides(folder) == []

    resumed = run_pytest(folder, *RUN, "--synebench-resume")

    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert decided(folder) == unbroken
    if hidden:
        assert until_none_hides(folder) == []


def until_none_hides(folder: Path, tries: int = 500) -> list[int]:
    """Wait, bounded, until none of those that hide is left; return those that still are."""
    for _ in range(tries):
        if not (left := hidden_alive(folder)):
            return []
        select.select([], [], [], 0.01)
    return left
