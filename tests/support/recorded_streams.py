"""Streams of events with another system's decisions on them, and how a scheduler of ours compares.

Ours is asked about each event, and then told what the other decided: so both stay on the same
stream, however often they differ.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_synebench.events import (
    Decision,
    Ended,
    Event,
    Pause,
    Reported,
    Resume,
    SlotFreed,
    Start,
    Stop,
)
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.trial import Report, TrialId, TrialState

STREAMS = Path(__file__).parent.parent / "oracle/streams"

Decided = tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """One recorded stream."""

    args: dict[str, Any]
    steps: list[tuple[Event, Decided]]


def streams(name: str) -> Iterator[Stream]:
    """Yield the recorded streams of one scheduler."""
    for line in gzip.decompress((STREAMS / f"{name}.jsonl.gz").read_bytes()).splitlines():
        data = json.loads(line)
        yield Stream(data["args"], list(_steps(data)))


def _steps(data: dict[str, Any]) -> Iterator[tuple[Event, Decided]]:
    last = data["args"]["max_resource"]
    for number, (event, decided) in enumerate(data["steps"]):
        match event:
            case ["slot"]:
                yield SlotFreed(at_s=number), _filled(decided)
            case ["report", trial, level, loss]:
                report = Report(
                    trial_id=TrialId(trial), resource=level, loss=loss, at_s=float(number)
                )
                # At the last level theirs says stop, or pause; the trial ends by itself there.
                over = level == last
                yield Reported(report=report), () if over else _told(TrialId(trial), decided)
            case [state, trial]:
                yield Ended(at_s=number, trial_id=TrialId(trial), state=TrialState(state)), ()
            case _:
                raise ValueError(f"step {number} is {event!r}, which nothing here records")


def _filled(decided: list[Any]) -> Decided:
    kind, trial, until = decided
    if kind == "start":
        return (Start(trial_id=TrialId(trial), config={}, until=until),)
    return (Resume(trial_id=TrialId(trial), until=until),)


def _told(trial_id: TrialId, decided: list[Any]) -> Decided:
    match decided:
        case ["stop"]:
            return (Stop(trial_id=trial_id),)
        case ["pause"]:
            return (Pause(trial_id=trial_id),)
        case _:
            return ()


@dataclass(frozen=True, slots=True)
class Difference:
    """An event about which the two decide differently, and all that came before it."""

    stream: Stream
    number: int  #: of the step
    ours: Decided
    theirs: Decided

    @property
    def before(self) -> list[tuple[Event, Decided]]:
        """The steps before it, with their decisions."""
        return self.stream.steps[: self.number]

    @property
    def event(self) -> Event:
        """What both were asked about."""
        return self.stream.steps[self.number][0]


def differences(scheduler: Scheduler, stream: Stream) -> Iterator[Difference]:
    """Yield every event on which the two decide differently."""
    for number, (event, theirs) in enumerate(stream.steps):
        ours = scheduler.decide(event)
        if shape(ours) != shape(theirs):
            yield Difference(stream, number, ours, theirs)
        scheduler.fold(event, theirs)


def shape(decisions: Decided) -> list[tuple[str, TrialId]]:
    """Return what is compared: the kind of a decision and its trial; configs are drawn apart."""
    return [(type(decision).__name__, decision.trial_id) for decision in decisions]
