"""An emulator of a user without rights: its containers are made, and its jobs run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from training_jobs import keys, prepare, request

from pytest_synebench.emulator import Emulator

#: A user that owns what root does, and has none of its rights.
_AS_NOBODY = ("unshare", "--user", "--map-user=65534", "--map-group=65534")


def why_not(folder: Path) -> str:
    """Return why nobody cannot be here; "" where nobody can."""
    if os.geteuid() != 0:
        return "all of these tests run without rights here"
    if shutil.which("unshare") is None:
        return "needs unshare, of util-linux"
    program = "import pytest_synebench.emulator.__main__, moto, flask"
    tried = subprocess.run(
        [*_AS_NOBODY, sys.executable, "-c", program],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    why = f"no user without rights can be had here: {tried.stderr[-200:]}"
    return why if tried.returncode else ""


def environment(folder: Path) -> dict[str, str]:
    path = os.pathsep.join(p for p in sys.path if p)
    return {**os.environ, "TMPDIR": str(folder), "HOME": str(folder), "PYTHONPATH": path}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o777)
        if reason := why_not(folder):
            pytest.skip(reason)
        argv = [sys.executable, "-m", "pytest_synebench.emulator", "--json", "--until-stdin-ends"]
        with subprocess.Popen(
            [*_AS_NOBODY, *argv, "--driven-clock"],
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            if not line:
                told = process.stderr.read()
                assert "user namespaces" in told, told
                pytest.skip(f"this machine gives no namespaces to such a user: {told}")
            yield Emulator(json.loads(line))
            process.stdin.close()
            process.stdout.read()
            assert process.wait() == 0, process.stderr.read()


def test_jobs_of_nobody_complete_stop_and_are_killed(emulator: Emulator) -> None:
    prepare(emulator)
    client = emulator.client("sagemaker")
    client.create_training_job(**request("a", epochs=2))
    emulator.wait("a", "Completed")
    assert "checkpoints/a/state.json" in keys(emulator)
    for name in ("b", "c"):
        client.create_training_job(**request(name, epochs=10**6, epoch_s=0.01))
        emulator.wait_for_line(name, "epoch=1 ")
    client.stop_training_job(TrainingJobName="b")
    emulator.wait("b", "Stopped")
    emulator.kill("c")
    assert emulator.wait("c", "Failed")["FailureReason"].endswith("exit code: 137")
