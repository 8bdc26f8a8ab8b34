"""Ctrl-C: no process is left, and the run goes on where it was."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = (sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:hypothesispytest", "-v")
# Each trial tells its process id when it runs, so that the test can wait for it without a clock.
SCRIPT = """
import os, sys, time
from pytest_synebench.training import Reporter

fifo, epochs = os.environ["TELL"], int(sys.argv[sys.argv.index("--epochs") + 1])
report = Reporter()
report(epoch=1, loss=1.0)
if os.path.exists(fifo):
    with open(fifo, "w") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(1000)
for epoch in range(2, epochs + 1):
    report(epoch=epoch, loss=1.0 / epoch)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def told(fifo: Path) -> str:
    """Wait until the first trial tells; a pytest that breaks off before must not hang the test."""
    fd = os.open(fifo, os.O_RDWR)
    try:
        ready, _, _ = select.select([fd], [], [], 60)
        assert ready, "no trial has begun"
        return os.read(fd, 100).decode()
    finally:
        os.close(fd)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_ctrl_c_leaves_no_process_and_a_run_that_goes_on(
    toy: Path, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    (toy / "train.py").write_text(SCRIPT)
    fifo = toy / "tell"
    os.mkfifo(fifo)
    monkeypatch.setenv("TELL", str(fifo))
    args = ("--synebench", "toy", "--variant", "base", "--num_workers", "1", *workers)
    process = subprocess.Popen(
        [*COMMAND, *args], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    pid = int(told(fifo))
    fifo.unlink()
    # What a terminal does: the signal goes to the whole group of the foreground.
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == pytest.ExitCode.INTERRUPTED, output
    assert not alive(pid)
    assert "go on with what is unfinished: pytest" in output
    assert "--synebench-resume" in output

    again = subprocess.run(
        [*COMMAND, *args, "--synebench-resume"], stdout=subprocess.PIPE, text=True, check=False
    )
    assert again.returncode == 0, again.stdout
    assert "trial[0] COMPLETED@3" in again.stdout or "6 passed" in again.stdout
    assert len(list(toy.glob(".synebench/runs/toy/base-fifo-random/r0-*"))) == 1
