"""The command: how it is started, and that nothing is left when it has ended."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from training_jobs import prepare, request

from pytest_synebench.emulator import Emulator

COMMAND = (sys.executable, "-m", "pytest_synebench.emulator")
#: Leaves a process in a session of its own, and never ends.
SCRIPT = """
import os, subprocess, time
subprocess.Popen(["sleep", "1000"], start_new_session=True)
print("on", flush=True)
while True:
    time.sleep(60)
"""


@contextmanager
def started(*options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    process = subprocess.Popen(
        [*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        told = [shlex.split(process.stdout.readline()) for _ in range(6)]
        assert {line[0] for line in told} == {"export"}
        yield process, dict(line[1].split("=", 1) for line in told)
    finally:
        process.kill()
        process.communicate()


def descendants(pid: int) -> list[int]:
    """Return a process's descendants, by the kernel's own lists."""
    found = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, listed.read_text().split()):
            found += [child, *descendants(child)]
    return found


def wait_until_gone(pids: list[int]) -> None:
    """Return when none of them runs: a descriptor tells it, not a clock."""
    import select

    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            assert select.select([descriptor], [], [], 30)[0], f"{pid} is still there"
        finally:
            os.close(descriptor)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_when_it_ends_by_whatever_no_process_is_left(number: signal.Signals, scratch: Path) -> None:
    with started() as (process, variables):
        emulator = Emulator(variables)
        prepare(emulator, SCRIPT)
        client = emulator.client("sagemaker")
        for name in ("a", "b"):
            client.create_training_job(**request(name))
            emulator.wait_for_line(name, "on")
        pids = descendants(process.pid)
        assert len(pids) == 6  # per job: what attends it, process 1, what that left
        assert listening(process.pid) == ["0100007F"]  # 127.0.0.1, as the kernel writes it
        process.send_signal(number)
        code = process.wait(60)
        assert code == (-number if number is signal.SIGKILL else 0)
        wait_until_gone(pids)
        assert bool(list(scratch.iterdir())) is (number is signal.SIGKILL)


def listening(pid: int) -> list[str]:
    """Return the addresses on which a process listens."""
    links = [path for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()]
    sockets = {os.readlink(path) for path in links}  # noqa: PTH115 - they name no files
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    found = [line[1] for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in sockets]
    return [address.partition(":")[0] for address in found]


def test_a_real_accounts_variables_are_not_met(
    monkeypatch: pytest.MonkeyPatch, scratch: Path
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with started("--region", "eu-central-1", "--access-key", "mine") as (process, variables):
        assert variables["AWS_ACCESS_KEY_ID"] == "mine"
        assert variables["AWS_DEFAULT_REGION"] == "eu-central-1"
        monkeypatch.delenv("AWS_PROFILE")
        emulator = Emulator(variables)
        prepare(emulator)
        client = emulator.client("sagemaker")
        arn = client.create_training_job(**request("a", fail_at=1))["TrainingJobArn"]
        assert arn.startswith("arn:aws:sagemaker:eu-central-1:")
        emulator.wait("a", "Failed")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert list(scratch.iterdir()) == []


def test_a_port_that_is_taken_is_named(sagemaker_emulator: Emulator) -> None:
    port = sagemaker_emulator.url.rpartition(":")[2]
    done = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"port {port} of 127.0.0.1 cannot be had (Address already in use)" in done.stderr


def test_without_moto_the_extra_is_named() -> None:
    blind = (
        "import runpy, sys; sys.modules['moto'] = None; "
        "runpy.run_module('pytest_synebench.emulator', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", blind], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "pip install 'pytest-synebench[emulator]'" in done.stderr
