"""Stages for the local back-end: real processes, scripts written on the spot."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytest_synebench.backends.local.backend import LocalBackend
from pytest_synebench.backends.protocol import AttemptEnded, AttemptKey, AttemptSpec
from pytest_synebench.backends.supervision.leftovers import Seen, tree
from pytest_synebench.clock import SystemClock
from pytest_synebench.testing.plays import Stage, Watcher
from pytest_synebench.trial import Scalar, TrialId

#: How a script begins that reports without levels.
REPORTS = "from pytest_synebench.training import Reporter\nreport = Reporter()\n"


def alive(token: str) -> list[Seen]:
    """Return what lives of a run."""
    return tree(f"SYNEBENCH_RUN={token}")


@contextmanager
def local_stage(folder: Path, script: str, **options: Any) -> Iterator[Stage]:
    """Yield a stage whose attempts run ``script``; afterwards no process of it is left."""
    file, trials, token = folder / "script.py", folder / "trials", str(folder)
    file.write_text(script, encoding="utf-8")
    trials.mkdir(exist_ok=True)
    options = {"launch": "cold", "grace_s": 0.05, "clock": SystemClock(), **options}

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
    if "nursery" not in options:  # that keeps its supervisors
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


def gone(pid: int) -> None:
    """Wait until a process, which need not be a child of this one, has ended."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    waiter = select.poll()
    waiter.register(fd, select.POLLIN)
    assert waiter.poll(60_000)
    os.close(fd)
