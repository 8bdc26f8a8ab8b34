"""A simulated command writes the same journal, whatever else the machine does."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_project import JOURNALS, run_pytest

RUN = ("--synebench", "height_with_cost", "--backend", "simulated", "--num_workers", "7", "-q")


@contextlib.contextmanager
def busy() -> Iterator[None]:
    """Keep every processor busy, and one more than there are."""
    loop = [sys.executable, "-c", "while True: pass"]
    loops = [subprocess.Popen(loop) for _ in range(len(os.sched_getaffinity(0)) + 1)]
    try:
        yield
        assert all(one.poll() is None for one in loops), "a loop ended before the command"
    finally:
        for one in loops:
            one.kill()
            one.wait()


def simulated(folder: Path, *options: str) -> bytes:
    folder.mkdir()
    done = run_pytest(folder, *RUN, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob(JOURNALS)
    return path.read_bytes()


@pytest.mark.parametrize(
    "scheduler",
    [
        "asha_promotion",
        pytest.param("median_stopping", marks=pytest.mark.proof),
        pytest.param("pbt", marks=pytest.mark.proof),
    ],
)
def test_a_loaded_machine_changes_no_byte_of_a_simulated_journal(
    tmp_path: Path, scheduler: str
) -> None:
    options = ("--scheduler", scheduler, "--num_trials", "60", "--max_resource_level", "27")
    alone = simulated(tmp_path / "alone", *options)
    with busy():
        loaded = simulated(tmp_path / "loaded", *options)
    assert alone.count(b"\n") > 300
    assert loaded == alone
