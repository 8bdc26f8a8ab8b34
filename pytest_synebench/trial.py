"""The words every floor uses for a trial: its id, config, state, reports and checkpoints.

It travels into remote jobs, whose Python may be 3.10.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NewType, TypeAlias

from pytest_synebench.errors import UsageError

TrialId = NewType("TrialId", int)

Scalar: TypeAlias = float | int | str | bool | None
Config: TypeAlias = Mapping[str, Scalar]


class TrialState(str, Enum):  # noqa: UP042 - containers with Python 3.10 have no StrEnum
    """Where a trial stands. Paused is a fact of the scheduler: no process, and alive."""

    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"  #: the script reached its last level and ended by itself
    STOPPED = "stopped"  #: the scheduler ended it early
    FAILED = "failed"  #: every attempt it was allowed ended in an error

    __str__ = str.__str__

    def __format__(self, format_spec: str) -> str:
        """Return the value, as an f-string shows it."""
        return format(self.value, format_spec)

    @property
    def final(self) -> bool:
        """Whether no further report of this trial can come."""
        return self in {TrialState.COMPLETED, TrialState.STOPPED, TrialState.FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a trial sent back at one resource level; the journal keeps it, nothing edits it."""

    trial_id: TrialId
    resource: int  #: cumulative units spent: epochs, unless the Benchmark names another; >= 1
    loss: float  #: lower is better (mode="max" is negated on entry); NaN: diverged
    at_s: float  #: seconds since the experiment began, on the experiment's Clock
    metrics: Mapping[str, Scalar] = field(default_factory=dict)  #: as the script sent them

    def __post_init__(self) -> None:
        if type(self.resource) is not int or self.resource < 1:
            raise UsageError(f"resource is {self.resource!r}; levels are integers from 1 up")


class _Draft:
    """A report in the making: to set the fields of a frozen one takes three times as long."""

    __slots__ = ("at_s", "loss", "metrics", "resource", "trial_id")

    def __init__(
        self,
        trial_id: TrialId,
        resource: int,
        loss: float,
        at_s: float,
        metrics: Mapping[str, Scalar],
    ) -> None:
        self.trial_id = trial_id
        self.resource = resource
        self.loss = loss
        self.at_s = at_s
        self.metrics = metrics


def checked_report(
    trial_id: TrialId, resource: int, loss: float, at_s: float, metrics: Mapping[str, Scalar]
) -> Report:
    """Return ``Report(...)``, whose rule the caller has seen to: resource is an int from 1 up.

    >>> report = checked_report(TrialId(0), 3, 0.5, 1.5, {})
    >>> report == Report(trial_id=TrialId(0), resource=3, loss=0.5, at_s=1.5, metrics={})
    True
    """
    draft: Any = _Draft(trial_id, resource, loss, at_s, metrics)
    draft.__class__ = Report  # of the same slots: from here on it is frozen
    report: Report = draft
    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRef:
    """Names the exact bytes of one checkpoint."""

    trial_id: TrialId
    level: int  #: resource level it was saved at
    sha256: str  #: of its manifest
