"""The life of one training job, as a pure state machine: what happens in, what to do out.

    Starting → Downloading → Training → Uploading → Completed
       ↑  ↓________ ↓ ________ ↓ _________ ↓ → Stopping → Stopped | MaxRuntimeExceeded | …
       Interrupted ←__________|                  (any of them: Failed)

It reads no clock and starts nothing: time is an argument, and what is to be done is returned.

Invariants (tests/emulator/jobs/test_lifecycle.py holds each one, by Hypothesis):
- every transition is one of ``SUCCESSORS``; nothing follows an end;
- transitions touch: each begins when the former ends, and only an end has ended;
- a process is asked to end before it is killed, and killed only ``grace_s`` later;
- at most one process of a job is alive;
- whatever happens, a job whose process obeys its signals comes to an end once its time is over.

Source: AWS, API reference of DescribeTrainingJob (SecondaryStatus, StoppingCondition). What it
leaves open is numbered in docs/guide/emulator.md: ASSUMED-01 to ASSUMED-05.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

DEFAULT_RUNTIME_S = 24 * 3600  #: of a job whose request names none


class Secondary(StrEnum):
    """The states that this service gives a job."""

    STARTING = "Starting"
    DOWNLOADING = "Downloading"
    TRAINING = "Training"
    UPLOADING = "Uploading"
    INTERRUPTED = "Interrupted"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    MAX_RUNTIME = "MaxRuntimeExceeded"
    MAX_WAIT = "MaxWaitTimeExceeded"
    COMPLETED = "Completed"
    FAILED = "Failed"


class Effect(StrEnum):
    """What has to be done to the machine of a job."""

    DOWNLOAD = "download"
    RUN = "run"
    TERMINATE = "terminate"  #: SIGTERM to the first process of the container
    KILL = "kill"  #: SIGKILL to all of them
    UPLOAD = "upload"


S = Secondary
SUCCESSORS: dict[Secondary, frozenset[Secondary]] = {
    S.STARTING: frozenset({S.DOWNLOADING, S.STOPPING}),
    S.DOWNLOADING: frozenset({S.TRAINING, S.STOPPING, S.FAILED}),
    S.TRAINING: frozenset({S.UPLOADING, S.STOPPING, S.INTERRUPTED, S.FAILED}),
    S.UPLOADING: frozenset({S.COMPLETED, S.STOPPING, S.FAILED}),
    S.INTERRUPTED: frozenset({S.STARTING, S.STOPPING}),
    S.STOPPING: frozenset({S.STOPPED, S.MAX_RUNTIME, S.MAX_WAIT, S.FAILED}),
}
_STATUS = {
    S.STOPPING: "Stopping",
    S.STOPPED: "Stopped",
    S.MAX_RUNTIME: "Stopped",
    S.MAX_WAIT: "Stopped",
    S.COMPLETED: "Completed",
    S.FAILED: "Failed",
}
_MESSAGES = {
    S.STARTING: "Preparing the instances for training",
    S.DOWNLOADING: "Downloading input data",
    S.TRAINING: "Training image download completed. Training in progress.",
    S.UPLOADING: "Uploading generated training model",
    S.INTERRUPTED: "Training job interrupted: the Spot instance was reclaimed",
    S.STOPPING: "Stopping the training job",
    S.STOPPED: "Training job stopped",
    S.MAX_RUNTIME: "Training job runtime exceeded MaxRuntimeInSeconds provided",
    S.MAX_WAIT: "Training job wait time exceeded MaxWaitTimeInSeconds provided",
    S.COMPLETED: "Training job completed",
    S.FAILED: "Training job failed",
}


def status_of(secondary: Secondary) -> str:
    """Return the status that goes with a secondary one.

    >>> status_of(Secondary.MAX_RUNTIME), status_of(Secondary.INTERRUPTED)
    ('Stopped', 'InProgress')
    """
    return _STATUS.get(secondary, "InProgress")


class IllegalEventError(Exception):
    """What was asked for is not possible in the state the job is in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """Inputs and checkpoints are in place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exited:
    """Every process of the container is gone."""

    code: int
    words: str = ""  #: of /opt/ml/output/failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """What the job has made is in S3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """Something around the process failed; it does not run."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAsked:
    """StopTrainingJob."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reclaimed:
    """The Spot instance is taken away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """Time has passed."""


Event: TypeAlias = Downloaded | Exited | Uploaded | Broken | StopAsked | Reclaimed | Ticked


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One line of SecondaryStatusTransitions."""

    secondary: Secondary
    start_s: float
    end_s: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a job was created with, as far as its life depends on it."""

    max_runtime_s: float
    max_wait_s: float | None = None  #: None: it may wait for ever; only Spot jobs have one
    spot: bool = False
    startup_s: float = 0.0  #: from a request for a machine until there is one
    grace_s: float = 120.0  #: between SIGTERM and SIGKILL


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """All that is known of a job at one moment."""

    terms: Terms
    created_s: float
    placed_at_s: float  #: when a machine is there, while it waits for one
    history: tuple[Transition, ...]
    ending: Secondary | None = None  #: what its process is being ended for
    running: bool = False  #: a process of it may be alive
    kill_at_s: float | None = None
    since_s: float = 0.0  #: when the process that runs was started
    trained_s: float = 0.0  #: of the processes before it (ASSUMED-02)
    started_s: float | None = None  #: when the first process was started
    failure: str = ""

    @property
    def secondary(self) -> Secondary:
        """The last state."""
        return self.history[-1].secondary

    @property
    def status(self) -> str:
        """The status shown to clients."""
        return status_of(self.secondary)

    @property
    def ended_s(self) -> float | None:
        """When it ended; None: it has not."""
        return self.history[-1].start_s if self.secondary not in SUCCESSORS else None

    @property
    def due_s(self) -> float | None:
        """When ``Ticked`` will change something next; None: never, as things stand."""
        return min(_deadlines(self), default=None)


Step: TypeAlias = tuple[Life, tuple[Effect, ...]]


def born(terms: Terms, now_s: float) -> Life:
    """Return a job that was just created."""
    return Life(
        terms=terms,
        created_s=now_s,
        placed_at_s=now_s + terms.startup_s,
        history=(_transition(S.STARTING, now_s),),
    )


def after(life: Life, event: Event, now_s: float) -> Step:
    """Return the job after an event, and what is to be done now, in order.

    Raises:
        IllegalEventError: it cannot be stopped or reclaimed in the state it is in.
    """
    match event:
        case Downloaded():
            return _downloaded(life, now_s)
        case Exited():
            return _exited(life, event, now_s)
        case Uploaded():
            end = S.COMPLETED if life.secondary is S.UPLOADING else life.ending or S.STOPPED
            return _moved(life, end, now_s), ()
        case Broken(reason=reason):
            failed = replace(life, running=False, kill_at_s=None, failure=reason)
            return _moved(failed, S.FAILED, now_s), ()
        case StopAsked():
            return _stop_asked(life, now_s)
        case Reclaimed():
            return _reclaimed(life, now_s)
        case Ticked():
            return _ticked(life, now_s)


def _transition(secondary: Secondary, now_s: float) -> Transition:
    end_s = None if secondary in SUCCESSORS else now_s
    return Transition(secondary=secondary, start_s=now_s, end_s=end_s, message=_MESSAGES[secondary])


def _moved(life: Life, to: Secondary, now_s: float) -> Life:
    *former, last = life.history
    if to not in SUCCESSORS.get(last.secondary, ()):
        raise IllegalEventError(f"{last.secondary} is not followed by {to}")
    return replace(life, history=(*former, replace(last, end_s=now_s), _transition(to, now_s)))


def _downloaded(life: Life, now_s: float) -> Step:
    if life.ending is not None:
        return _moved(life, life.ending, now_s), ()
    started_s = now_s if life.started_s is None else life.started_s
    running = replace(life, running=True, since_s=now_s, started_s=started_s)
    return _moved(running, S.TRAINING, now_s), (Effect.RUN,)


def _exited(life: Life, event: Exited, now_s: float) -> Step:
    trained_s = life.trained_s + now_s - life.since_s
    life = replace(life, running=False, kill_at_s=None, trained_s=trained_s)
    if life.ending is S.INTERRUPTED:
        again = replace(life, ending=None, placed_at_s=now_s + life.terms.startup_s)
        return _moved(again, S.INTERRUPTED, now_s), ()
    if life.ending is not None:
        return life, (Effect.UPLOAD,)
    if event.code == 0:
        return _moved(life, S.UPLOADING, now_s), (Effect.UPLOAD,)
    reason = f"AlgorithmError: {event.words}, exit code: {event.code}"
    return _moved(replace(life, failure=reason), S.FAILED, now_s), ()


def _stop_asked(life: Life, now_s: float) -> Step:
    if life.status != "InProgress":
        raise IllegalEventError(f"the training job is in status {life.status}")
    return _end(life, S.STOPPED, now_s)


def _reclaimed(life: Life, now_s: float) -> Step:
    if not life.terms.spot or life.secondary is not S.TRAINING or life.ending is not None:
        kind = "Spot" if life.terms.spot else "on-demand"
        raise IllegalEventError(
            f"an instance can be reclaimed from a Spot job that is Training; this is an {kind} "
            f"job that is {life.secondary}"
        )
    return _terminate(replace(life, ending=S.INTERRUPTED), now_s)


def _end(life: Life, why: Secondary, now_s: float) -> Step:
    """Bring a job that is in progress to an end, by way of Stopping (ASSUMED-01)."""
    waiting = life.secondary in {S.STARTING, S.INTERRUPTED}
    asked = life.ending is S.INTERRUPTED  # its process has been sent SIGTERM
    life = _moved(replace(life, ending=why), S.STOPPING, now_s)
    if waiting:
        return _moved(life, why, now_s), ()
    return _terminate(life, now_s) if life.running and not asked else (life, ())


def _terminate(life: Life, now_s: float) -> Step:
    return replace(life, kill_at_s=now_s + life.terms.grace_s), (Effect.TERMINATE,)


def _ticked(life: Life, now_s: float) -> Step:
    if life.due_s is None or life.due_s > now_s:
        return life, ()
    if life.kill_at_s is not None and life.kill_at_s <= now_s:
        return replace(life, kill_at_s=None), (Effect.KILL,)
    waited_s = life.terms.max_wait_s
    if waited_s is not None and life.created_s + waited_s <= now_s:
        return _end(life, S.MAX_WAIT, now_s)
    if life.running:
        return _end(life, S.MAX_RUNTIME, now_s)
    if life.secondary is S.INTERRUPTED:
        life = _moved(life, S.STARTING, now_s)
    return _moved(life, S.DOWNLOADING, now_s), (Effect.DOWNLOAD,)


def _deadlines(life: Life) -> list[float]:
    if life.kill_at_s is not None:
        return [life.kill_at_s]
    if life.ending is not None:
        return []
    out = []
    if life.secondary in {S.STARTING, S.INTERRUPTED}:
        out.append(life.placed_at_s)
    if life.running:
        out.append(life.since_s + life.terms.max_runtime_s - life.trained_s)
    if life.terms.max_wait_s is not None and life.secondary in _MAY_WAIT:
        out.append(life.created_s + life.terms.max_wait_s)
    return out


_MAY_WAIT = {S.STARTING, S.INTERRUPTED, S.DOWNLOADING, S.TRAINING}
