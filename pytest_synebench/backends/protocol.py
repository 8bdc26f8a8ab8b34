"""What a back-end is: it runs attempts somewhere and says what happened.

Every verb may be repeated: after a crash the tuner carries out again whatever the journal does
not show as done, so a second ``stop(key)`` must be as good as the first. Nothing but ``poll``
waits. A back-end knows attempts, not trials: pausing and stopping are both the end of a process,
and only the tuner knows which was meant.

``testing/backend_suite.py`` holds every rule below; a back-end is done when it passes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias

from pytest_synebench.trial import CheckpointRef, Config, Scalar, TrialId


class AttemptKey(NamedTuple):
    """One process of a trial: unique in an experiment, for ever."""

    trial_id: TrialId
    number: int  #: from 0; counts every attempt of the trial, those lost in a crash included


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptSpec:
    """All that an attempt needs to know."""

    key: AttemptKey
    config: Config  #: complete: hyperparameters and constants, as the script gets them
    seed: int  #: of the trial, 0 <= seed < 2**32: equal for each of its attempts
    directory: Path  #: of the trial, existing: config.json, logs, checkpoints/
    resource_attr: str | None  #: name of the level in a report; None: the script reports once
    until: int | None  #: level at which the attempt ends by itself; None: its own end
    resume_at_most: int  #: checkpoints beyond this level are not loaded; 0: start from scratch
    checkpoint_at: tuple[int, ...] | None  #: levels to save at; () every one; None: no checkpoints
    started_s: float = 0.0  #: of the decision that led to it, which it keeps if a controller dies
    started_from: int = 0  #: level the trial had by then
    copied_from: CheckpointRef | None = None  #: of another trial, whose copy the trial began as


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptPlaced:
    """A machine runs the attempt from now on: the first observation of its key, once.

    Until then it waits for a machine (a quota, a queue), which is no fault of its own: deadlines
    of an attempt count from here, its imports included. An attempt that never got one has an
    ``AttemptEnded`` only.
    """

    key: AttemptKey


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptBegan:
    """The script called its reporter or a checkpoint helper for the first time.

    It comes again, amended, when a checkpoint helper is first called after a report.
    """

    key: AttemptKey
    resumed_from: int  #: level of the checkpoint that was loaded; 0: from scratch
    checkpoints: bool  #: whether the script has called a checkpoint helper
    remark: str = ""  #: "REJECTED: reason" for each checkpoint that was refused


class AttemptReported(NamedTuple):
    """The script reported. The most frequent of all: a tuple is made in half the time."""

    key: AttemptKey
    sequence: int  #: of the report in this attempt: 0, 1, 2, … without a gap
    metrics: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptSaved:
    """A checkpoint is complete where the attempt runs."""

    key: AttemptKey
    level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnded:
    """The attempt's whole process tree is gone. The last observation of its key."""

    key: AttemptKey
    ok: bool  #: exit code 0; whether a stop had been asked for is the tuner's knowledge
    detail: str  #: for people: "exit code 1", "signal 9 (SIGKILL)", with the last lines of stderr


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptKept:
    """A checkpoint is in the archive as well, and was compared there."""

    key: AttemptKey
    level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptGone:
    """The attempt's processes are gone, and its place is free; its end follows.

    Only where there is something between the two: its last checkpoint is on its way.
    """

    key: AttemptKey


Observation: TypeAlias = (
    AttemptPlaced
    | AttemptBegan
    | AttemptReported
    | AttemptSaved
    | AttemptKept
    | AttemptGone
    | AttemptEnded
)


class Backend(Protocol):
    """Runs attempts somewhere and says what happened.

    When it is made for a run, it ends first what an earlier controller of that run left running:
    no observation of an attempt which this back-end did not start ever comes.
    """

    def start(self, spec: AttemptSpec) -> None:
        """Have the attempt run; returns at once. A key that is known already changes nothing.

        Another attempt of the trial may be started once the former one's end was observed.

        Raises:
            BackendError: nothing can be started here at all (no such interpreter, disk full).
                Nothing runs then, the key stays unknown, and the others go on. What goes wrong
                for this attempt alone is reported by ``poll`` as its end.
        """
        ...

    def stop(self, key: AttemptKey) -> None:
        """Have the attempt end: politely, after a grace by force. Unknown or ended keys: nothing.

        ``poll`` reports the end, once, when the whole process tree is verified gone.
        """
        ...

    def poll(self, timeout_s: float) -> list[Observation]:
        """Return what happened since the last call, per key in order; waits for one to happen.

        However much has happened, one call returns a bounded part of it; the rest comes with the
        next calls.

        Args:
            timeout_s: how long to wait at most, in seconds; 0 does not wait.

        Raises:
            BackendError: the back-end as a whole cannot go on (credentials expired). Attempts may
                still run: ``close`` it.
        """
        ...

    def close(self) -> None:
        """End every attempt by force and let everything go. May be repeated.

        Afterwards ``poll`` returns nothing, ``stop`` does nothing and ``start`` refuses.

        Raises:
            BackendError: something could not be ended; the text names it. All else is released.
        """
        ...
