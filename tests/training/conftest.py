"""Runs a script as an attempt, in a process of its own, and collects what it said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pytest_synebench.backends.supervision.interpreter import command
from pytest_synebench.channel import MAX_LINE_BYTES, Message, Receiver

BOOTSTRAP = "pytest_synebench.training.bootstrap"
NONCE = "5eed" * 8


class Outcome(NamedTuple):
    code: int
    messages: list[Message]
    stdout: str
    stderr: str

    @property
    def said(self) -> list[tuple[str, object]]:
        """Return each message as (kind, the level or whether checkpoints are used)."""
        field = {"hello": "checkpoints", "saved": "level"}
        return [
            (m.kind, m.fields["metrics"].get("epoch") if m.kind == "report" else m.fields[f])
            for m in self.messages
            for f in [field.get(m.kind, "")]
        ]


def _environment() -> dict[str, str]:
    # Output is buffered, as it is for most users: what is not flushed at the end is lost.
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    return {**kept, "OMP_NUM_THREADS": "1"}


class Runner:
    """Runs scripts in one trial directory, each call a new attempt."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.checkpoints = directory / "checkpoints"
        self._attempts = 0

    def script(self, body: str) -> Path:
        path = self.directory / "train.py"
        path.write_text(textwrap.dedent(body))
        return path

    def __call__(
        self,
        body: str,
        *arguments: str,
        bootstrap: bool = True,
        env: Mapping[str, str] | None = None,
        **told: Any,
    ) -> Outcome:
        script, (read, write) = self.script(body), os.pipe()
        path = self.directory / "attempt.json"
        path.write_text(json.dumps(self._told(write, script, told)))
        started = command(sys.executable, BOOTSTRAP)
        line = [*(started if bootstrap else [sys.executable]), str(script)]
        done = subprocess.run(
            [*line, *arguments],
            env={
                **_environment(),
                "SYNEBENCH_ATTEMPT": str(path),
                "SYNEBENCH_PARENT": str(os.getpid()),
                **(env or {}),
            },
            pass_fds=[write],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        os.close(write)
        messages = Receiver(NONCE).feed(os.read(read, MAX_LINE_BYTES))
        os.close(read)
        return Outcome(done.returncode, messages, done.stdout, done.stderr)

    def _told(self, fd: int, script: Path, told: Mapping[str, Any]) -> Mapping[str, Any]:
        number, self._attempts = self._attempts, self._attempts + 1
        return {
            "schema": 1,
            "trial": 3,
            "attempt": number,
            "fd": fd,
            "nonce": NONCE,
            "seed": 123,
            "resource_attr": "epoch",
            "until": None,
            "resume_at_most": 0,
            "checkpoint_at": [],
            "checkpoint_dir": str(self.checkpoints),
            "config": {},
            "script": str(script),
            **told,
        }

    def by_hand(self, body: str, *arguments: str) -> Outcome:
        done = subprocess.run(
            [sys.executable, str(self.script(body)), *arguments],
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Outcome(done.returncode, [], done.stdout, done.stderr)


@pytest.fixture
def attempt(tmp_path: Path) -> Runner:
    return Runner(tmp_path)
