"""Ctrl-C, and once more because nothing seems to happen: a trial that ignores SIGTERM."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from bad_project import assert_others_unharmed, make_bad_project, only_run, run_bounded
from toy_project import start_pytest, until_gone

# It tells by a file that it was asked to end; a resumed one is good.
STUBBORN = """
def touch(name):
    open(os.path.join(here, name), "w").close()


if not os.path.exists(os.path.join(here, "asked")):
    signal.signal(signal.SIGTERM, lambda *_: touch("asked"))
    report(epoch=1, loss=args.x)
    touch("running")
    while True:
        signal.pause()
good()
"""


def wait_for(process: subprocess.Popen[str], path: Path) -> None:
    while not path.exists():
        try:
            process.wait(timeout=0.01)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError("pytest has ended before")


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (signal.SIGINT, signal.SIGINT, 2),
        (signal.SIGINT, signal.SIGTERM, 2),  # as GitHub cancels a job
        (signal.SIGTERM, signal.SIGTERM, 143),
    ],
)
def test_a_second_signal_ends_what_the_first_asked_to_end_and_nothing_is_lost(
    tmp_path: Path, first: signal.Signals, second: signal.Signals, code: int
) -> None:
    folder = make_bad_project(tmp_path, STUBBORN)
    process = start_pytest(folder, "--synebench", "toy", "--stop_grace", "600")
    for mark, number in (("running", first), ("asked", second)):
        wait_for(process, folder / mark)
        # What a terminal does: the signal goes to the whole group of the foreground.
        os.killpg(process.pid, number)

    assert process.wait(timeout=60) == code
    told = (folder / "out.txt").read_text()
    assert "go on with what is unfinished: pytest -p" in told
    assert "Traceback" not in told
    assert until_gone(folder) == []
    run = only_run(folder)
    assert run.reason == "interrupted"
    assert not run.finished
    assert (run.directory / "results.csv.gz").exists()

    again = run_bounded(folder, "--stop_grace", "600", "--synebench-resume")
    assert again.returncode == 0, again.stdout + again.stderr
    assert_others_unharmed(folder)
