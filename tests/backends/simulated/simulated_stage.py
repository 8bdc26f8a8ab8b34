"""Stages for the simulated back-end: plays are interpreted, time is virtual."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_synebench.backends.protocol import AttemptSpec
from pytest_synebench.backends.simulated.backend import Delays, SimulatedBackend
from pytest_synebench.blackboxes.protocol import Point
from pytest_synebench.clock import VirtualClock
from pytest_synebench.errors import TrialError
from pytest_synebench.testing.plays import Stage


def act(spec: AttemptSpec) -> Iterator[Point]:
    """Act a play: each report takes a second."""
    level = 0
    for step, *rest in json.loads(str(spec.config["play"])):
        for metrics in _reports(spec, step, rest):
            level += 1
            yield Point(level, float(level), metrics)
        _perhaps_ends(step, rest)
        if step == "hang":
            yield Point(level + 1, math.inf, {})
        if step == "end":
            return


def _reports(spec: AttemptSpec, step: str, rest: list[Any]) -> list[dict[str, Any]]:
    if step == "report":
        return [rest[0]]
    if step == "many":
        return [{"epoch": epoch} for epoch in range(1, rest[0] + 1)]
    return [{"epoch": 1, "text": spec.config["text"]}] if step == "echo" else []


def _perhaps_ends(step: str, rest: list[Any]) -> None:
    if step == "crash":
        raise TrialError(f"exit code 1\n{rest[0]}")
    if step == "lost":
        raise TrialError("signal 9 (SIGKILL)")
    if step == "end" and rest[0]:
        raise TrialError(f"exit code {rest[0]}")


def simulated_stage(folder: Path, delays: Delays) -> Stage:
    clock = VirtualClock()
    made: list[SimulatedBackend] = []

    def make() -> SimulatedBackend:
        # What a controller simulates lives in its memory, and dies with it.
        made.append(SimulatedBackend(act, clock, delays))
        return made[-1]

    return Stage(
        backend=make(),
        clock=clock,
        directory=folder,
        alive=lambda: made[-1].alive,
        another=make,
        patience_s=1e6,
    )
