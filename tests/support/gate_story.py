"""What tests of gates share: saving, comparing, trials that report otherwise, and git."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.backends.protocol import AttemptReported
from pytest_synebench.experiment.tuner.intake import Intake
from pytest_synebench.trial import Report

Go = Callable[..., pytest.RunResult]
BASE = ("--synebench", "toy", "--variant", "base")
COMPARE = (*BASE, "--synebench-compare", "main")


def save(go: Go) -> None:
    """Save a baseline of ten run ids."""
    result = go(*BASE, "--synebench-save", "main", "--num_runs", "10")
    assert result.ret == 0, result.stdout.str()


def reported(monkeypatch: pytest.MonkeyPatch, change: Callable[[float], float]) -> None:
    """Have every trial report another loss."""
    honest = Intake.read

    def other(self: Intake, sent: AttemptReported, *rest: Any) -> Report:
        loss: Any = sent.metrics["loss"]
        sent = sent._replace(metrics={**sent.metrics, "loss": change(loss)})
        return honest(self, sent, *rest)

    monkeypatch.setattr(Intake, "read", other)


def git(folder: Path, *arguments: str) -> None:
    """Run git as somebody."""
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, "-C", str(folder), *arguments], check=True, capture_output=True)
