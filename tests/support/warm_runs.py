"""Runs a script as an attempt in both ways, warm and cold, through real supervisors."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytest_synebench.backends.supervision.interpreter import command
from pytest_synebench.backends.supervision.wire import CHANNEL, Line, Order, write_order

PROGRAM = "pytest_synebench.backends.supervisor.program"
_TIMEOUT_S = 120
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def variables(**more: str) -> dict[str, str]:
    """Return an environment that has nothing of this test run's own."""
    own = ("SYNEBENCH", "COV", "PYTEST", "PYTHONUNBUFFERED", *_THREADS)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return {**kept, "PYTHONHASHSEED": "0", **dict.fromkeys(_THREADS, "1"), **more}


class Outcome(NamedTuple):
    """What came out of an attempt."""

    code: int
    stdout: str
    stderr: str
    channel: bytes


class DeclinedError(AssertionError):
    """The supervisor made no process."""


class Supervised:
    """A supervisor, and what may be asked of it."""

    def __init__(self, *modules: str, environment: Mapping[str, str] | None = None) -> None:
        """Start it and wait until it is ready."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(_TIMEOUT_S)
        self.modules = modules
        self._line = Line(ours)
        self._jobs = 0
        self.process = subprocess.Popen(
            command(sys.executable, PROGRAM, "--line", str(theirs.fileno()), *modules),
            env=environment or variables(),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self.first = self._heard()

    def run(
        self,
        script: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        stdout: int | None = None,
    ) -> Outcome:
        """Run a script to its end: forked if this supervisor is warm, else executed.

        Raises:
            DeclinedError: no process was made.
        """
        order = Order(
            script=str(script),
            arguments=arguments,
            environment=environment or variables(),
            directory=str(script.parent),
            interpreter=None if self.modules else sys.executable,
        )
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            reads, channel = os.pipe()
            held = write_order(order)
            streams = [stdout or out.fileno(), errors.fileno(), channel]
            self._jobs += 1
            self._line.send({"do": "launch", "job": self._jobs}, [held, *streams])
            os.close(held)
            os.close(channel)
            answer = self._heard()
            if answer["is"] != "begun":
                os.close(reads)
                raise DeclinedError(answer)
            code = self._heard()["code"]
            with os.fdopen(reads, "rb") as file:
                told = file.read()
            texts = [_content(file) for file in (out, errors)]
        return Outcome(code, texts[0], texts[1], told)

    def close(self) -> None:
        """End it."""
        self._line.close()
        self.process.wait(_TIMEOUT_S)

    def _heard(self) -> dict[str, Any]:
        heard = self._line.receive()
        assert heard is not None, "the supervisor is gone"
        return heard[0]


def _content(file: Any) -> str:
    file.seek(0)
    return bytes(file.read()).decode()


class Both:
    """A warm and a cold supervisor, and a folder with the script they run."""

    def __init__(self, warm: Supervised, cold: Supervised, folder: Path) -> None:
        """Take supervisors that belong to somebody else."""
        self.warm = warm
        self.cold = cold
        self.folder = folder

    def script(self, body: str, name: str = "train.py") -> Path:
        """Write a script."""
        path = self.folder / name
        path.write_text(textwrap.dedent(body))
        return path

    def attempt(self, script: Path, seed: int = 123) -> dict[str, str]:
        """Return the environment of an attempt that has a seed."""
        told = {
            "schema": 1,
            "trial": 3,
            "attempt": 0,
            "fd": CHANNEL,
            "nonce": "5eed",
            "seed": seed,
            "resource_attr": "epoch",
            "until": None,
            "resume_at_most": 0,
            "checkpoint_at": None,
            "checkpoint_dir": None,
            "config": {},
            "script": str(script),
        }
        path = self.folder / "attempt.json"
        path.write_text(json.dumps(told))
        return variables(SYNEBENCH_ATTEMPT=str(path))

    def __call__(self, body: str, *arguments: str, **more: str) -> tuple[Outcome, Outcome]:
        """Return what came out warm and cold."""
        script = self.script(body)
        environment = {**self.attempt(script), **more}
        warm, cold = (
            way.run(script, *arguments, environment=environment) for way in (self.warm, self.cold)
        )
        return warm, cold
