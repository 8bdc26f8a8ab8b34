"""Stages for the local back-end: real processes, scripts written on the spot."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytest_synebench.backends.local.backend import LocalBackend
from pytest_synebench.backends.protocol import AttemptEnded, AttemptKey, AttemptSpec
from pytest_synebench.backends.supervision.leftovers import (
    Order,
    OrdinaryLauncher,
    Process,
    Seen,
    tree,
)
from pytest_synebench.clock import SystemClock
from pytest_synebench.testing.plays import Stage, Watcher
from pytest_synebench.trial import Scalar, TrialId

#: How a script begins that reports without levels.
REPORTS = "from pytest_synebench.training import Reporter\nreport = Reporter()\n"


class Recording(OrdinaryLauncher):
    """Keeps what it was told to make, and what it made."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: list[Order] = []
        self.made: list[Process] = []

    def launch(self, order: Order) -> Process:
        self.orders.append(order)
        self.made.append(super().launch(order))
        return self.made[-1]


def alive(token: str) -> list[Seen]:
    """Return what lives of a run."""
    return tree(None, f"SYNEBENCH_RUN={token}")


@contextmanager
def local_stage(folder: Path, script: str, **options: Any) -> Iterator[Stage]:
    """Yield a stage whose attempts run ``script``; afterwards no process of it is left."""
    file, trials, token = folder / "script.py", folder / "trials", str(folder)
    file.write_text(script, encoding="utf-8")
    trials.mkdir(exist_ok=True)
    options = {"grace_s": 0.05, "clock": SystemClock(), **options}

    def make() -> LocalBackend:
        return LocalBackend(file, run_token=token, **options)

    backend = make()
    before = open_descriptors()
    try:
        yield Stage(
            backend=backend,
            clock=options["clock"],
            directory=trials,
            alive=lambda: len(alive(token)),
            another=make,
        )
    finally:
        backend.close()
        assert alive(token) == []
    assert len(open_descriptors()) < len(before)  # the selector's own is closed, too


def open_descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names, not paths


def spec_of(stage: Stage, trial: int = 0, number: int = 0, **config: Scalar) -> AttemptSpec:
    """Return an attempt of a script that acts no play."""
    directory = stage.directory / str(trial)
    directory.mkdir(exist_ok=True)
    return AttemptSpec(
        key=AttemptKey(TrialId(trial), number),
        config=config,
        seed=trial,
        directory=directory,
        resource_attr=None,
        until=None,
        resume_at_most=0,
        checkpoint_at=None,
    )


def run(stage: Stage, spec: AttemptSpec) -> tuple[Watcher, AttemptEnded]:
    """Run one attempt to its end."""
    watcher = Watcher(stage, stage.backend)
    stage.backend.start(spec)
    return watcher, watcher.ends(spec)[0]
