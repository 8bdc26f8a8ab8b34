from __future__ import annotations

import os
import select
import subprocess
import sys

import pytest

from pytest_synebench.emulator import emulating
from pytest_synebench.errors import UsageError

PROGRAM = """
import sys, time
from pytest_synebench.emulator import emulating
with emulating() as emulator:
    import pathlib
    children = pathlib.Path(f"/proc/self/task/{__import__('os').getpid()}/children").read_text()
    print(children.split()[0], flush=True)
    sys.stdin.read()
"""


def test_the_emulator_ends_with_the_process_that_started_it_however_that_ends() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    emulator = os.pidfd_open(int(process.stdout.readline()))
    process.kill()
    process.communicate()
    assert select.select([emulator], [], [], 30)[0]
    os.close(emulator)


def test_an_emulator_that_cannot_run_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/nonexistent")
    monkeypatch.setenv("TMP", "/nonexistent")
    with pytest.raises(UsageError, match=r"seconds from 0 up"), emulating(grace_s=-1):
        pass
