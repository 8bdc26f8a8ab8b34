"""What can happen (events, notes), and what can be decided about it (decisions).

A scheduler sees events only; notes are the tuner's own bookkeeping, kept in the same journal so
that a replay restores both. Everything here has a versioned JSON form (``to_json``,
``from_json``); a kind or a field is only ever added (tests/golden/ holds a journal of each
version).

Invariants (tests/test_events.py):
- ``from_json(to_json(x)) == x`` for every event, note and decision, NaN and infinities included;
- a decision is the same whatever bytes the tuner pinned for it, of that trial, up to that level;
- the JSON is strict: a non-finite number is written by its name (``nan``, ``inf``, ``-inf``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from pytest_synebench.errors import JournalError, UsageError
from pytest_synebench.trial import CheckpointRef, Config, Report, Scalar, TrialId, TrialState

SCHEMA = 1
Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFreed:
    """A slot is idle: the scheduler may resume a trial, or start one if ``may_start``."""

    at_s: float
    may_start: bool = True  #: False once the cap on started trials is reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A running trial reached a resource level for the first time."""

    report: Report

    @property
    def at_s(self) -> float:
        """When, in seconds since the experiment began."""
        return self.report.at_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A trial came to its end by itself: COMPLETED, or FAILED for good."""

    at_s: float
    trial_id: TrialId
    state: TrialState
    reason: str = ""  #: for people: what went wrong, or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Note: a controller opened the run. Attempts that were running before are gone."""

    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """Note: an attempt of a trial says where it starts from."""

    at_s: float
    trial_id: TrialId
    attempt: int  #: counts the processes of this trial, from 0
    resumed_from: int  #: level of the checkpoint it loaded; 0: from scratch
    checkpoints: bool  #: whether the script saves and loads them at all
    remark: str = ""  #: "REJECTED: ..." where a checkpoint was refused, else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """Note: an attempt failed and the trial gets another one."""

    at_s: float
    trial_id: TrialId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """Note: the controller closed the run; ``finished`` says whether anything is left to do."""

    at_s: float
    finished: bool
    reason: str


Event: TypeAlias = SlotFreed | Reported | Ended
Note: TypeAlias = Opened | Began | Retried | Closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Run a new trial on the free slot."""

    trial_id: TrialId
    config: Config  #: hyperparameters only; constants are the benchmark's
    until: int | None = None  #: resource level at which the attempt ends by itself
    #: start from these bytes of another trial; a scheduler says which trial and level, with ""
    #: as sha256, and the tuner pins the bytes, or finds none and starts from scratch
    checkpoint: CheckpointRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Run a paused trial on the free slot, from its checkpoint."""

    trial_id: TrialId
    until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Take the trial off its slot, alive: its checkpoint is kept until it is resumed."""

    trial_id: TrialId


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """End the trial for good."""

    trial_id: TrialId


Decision: TypeAlias = Start | Resume | Pause | Stop


def is_same(decided: Decision, carried_out: Decision) -> bool:
    """Whether a decision is what a scheduler decided, whatever checkpoint the tuner found for it.

    The tuner may find an earlier level of the trial that was named, or no checkpoint at all.
    """
    if not isinstance(decided, Start) or not isinstance(carried_out, Start):
        return decided == carried_out
    asked, found = decided.checkpoint, carried_out.checkpoint
    if asked is not None and not asked.sha256:
        if found is not None and (found.trial_id != asked.trial_id or found.level > asked.level):
            return False
        decided = replace(decided, checkpoint=found)
    return decided == carried_out


def to_json(item: Event | Note | Decision) -> Json:
    """Return the item as a strict-JSON mapping; ``"k"`` is its kind.

    >>> to_json(Stop(trial_id=TrialId(3)))
    {'k': 'stop', 'trial': 3}
    """
    match item:
        case Reported(report=r):  # the most of them
            return {
                "k": "report",
                "t": r.at_s,
                "trial": r.trial_id,
                "r": r.resource,
                "loss": _float_to_json(r.loss),
                "m": _plain(r.metrics),
            }
        case SlotFreed(at_s=at_s, may_start=may_start):
            return {"k": "slot", "t": at_s, "may_start": may_start}
        case Ended(at_s=at_s, trial_id=trial, state=state, reason=reason):
            return {"k": "ended", "t": at_s, "trial": trial, "state": state.value, "why": reason}
        case Start() | Resume() | Pause() | Stop():
            return _decision_to_json(item)
        case _:
            return _note_to_json(item)


def _decision_to_json(item: Decision) -> Json:
    match item:
        case Start(trial_id=trial, config=config, until=until, checkpoint=ref):
            out: Json = {"k": "start", "trial": trial, "config": _plain(config), "until": until}
            if ref is not None:
                out["from"] = [ref.trial_id, ref.level, ref.sha256]
            return out
        case Resume(trial_id=trial, until=until):
            return {"k": "resume", "trial": trial, "until": until}
        case Pause(trial_id=trial):
            return {"k": "pause", "trial": trial}
        case Stop(trial_id=trial):
            return {"k": "stop", "trial": trial}


def _note_to_json(item: Note) -> Json:
    match item:
        case Opened(at_s=at_s):
            return {"k": "opened", "t": at_s}
        case Began():
            return {
                "k": "began",
                "t": item.at_s,
                "trial": item.trial_id,
                "attempt": item.attempt,
                "from": item.resumed_from,
                "checkpoints": item.checkpoints,
                "remark": item.remark,
            }
        case Retried(at_s=at_s, trial_id=trial, reason=reason):
            return {"k": "retried", "t": at_s, "trial": trial, "why": reason}
        case Closed(at_s=at_s, finished=finished, reason=reason):
            return {"k": "closed", "t": at_s, "finished": finished, "why": reason}


def _start_from_json(d: Json) -> Start:
    ref = d.get("from")
    return Start(
        trial_id=TrialId(d["trial"]),
        config=_scalars(d["config"]),
        until=d["until"],
        checkpoint=CheckpointRef(trial_id=TrialId(ref[0]), level=ref[1], sha256=ref[2])
        if ref
        else None,
    )


def _reported_from_json(d: Json) -> Reported:
    report = Report(
        trial_id=TrialId(d["trial"]),
        resource=d["r"],
        loss=float(d["loss"]),
        at_s=d["t"],
        metrics=_scalars(d["m"]),
    )
    return Reported(report=report)


def _began_from_json(d: Json) -> Began:
    return Began(
        at_s=d["t"],
        trial_id=TrialId(d["trial"]),
        attempt=d["attempt"],
        resumed_from=d["from"],
        checkpoints=d["checkpoints"],
        remark=d["remark"],
    )


_READERS: dict[str, Callable[[Json], Event | Note | Decision]] = {
    "slot": lambda d: SlotFreed(at_s=d["t"], may_start=d["may_start"]),
    "report": _reported_from_json,
    "ended": lambda d: Ended(
        at_s=d["t"], trial_id=TrialId(d["trial"]), state=TrialState(d["state"]), reason=d["why"]
    ),
    "opened": lambda d: Opened(at_s=d["t"]),
    "began": _began_from_json,
    "retried": lambda d: Retried(at_s=d["t"], trial_id=TrialId(d["trial"]), reason=d["why"]),
    "closed": lambda d: Closed(at_s=d["t"], finished=d["finished"], reason=d["why"]),
    "start": _start_from_json,
    "resume": lambda d: Resume(trial_id=TrialId(d["trial"]), until=d["until"]),
    "pause": lambda d: Pause(trial_id=TrialId(d["trial"])),
    "stop": lambda d: Stop(trial_id=TrialId(d["trial"])),
}


def from_json(data: Json) -> Event | Note | Decision:
    """Return what ``to_json`` was given.

    Raises:
        JournalError: the kind is not known here (a newer version wrote it), a field is missing, or
            it has a value that breaks its rule.
    """
    kind = data.get("k")
    reader = _READERS.get(str(kind))
    if reader is None:
        raise JournalError(
            f"a journal entry has the kind {kind!r}; this version knows {', '.join(_READERS)}. "
            "A newer pytest-synebench wrote it: read it with that one"
        )
    try:
        return reader(data)
    except KeyError as error:
        raise JournalError(f"a journal entry of kind {kind!r} lacks the field {error}") from None
    except (AttributeError, IndexError, TypeError, ValueError, UsageError) as error:
        raise JournalError(
            f"a journal entry of kind {kind!r} breaks a rule: {error}; nothing of ours wrote it"
        ) from None


def _float_to_json(value: float) -> float | str:
    """Strict JSON has no NaN: a non-finite number is written as its name."""
    return value if math.isfinite(value) else str(value)


def _plain(values: Mapping[str, Scalar]) -> Json:
    return {
        key: value
        if not isinstance(value, float) or -math.inf < value < math.inf
        # A mapping, so that the number nan and the text "nan" stay apart.
        else {"float": str(value)}
        for key, value in values.items()
    }


def _scalars(values: Mapping[str, Any]) -> dict[str, Scalar]:
    return {key: _scalar_from_json(value) for key, value in values.items()}


def _scalar_from_json(value: Any) -> Scalar:
    return float(value["float"]) if isinstance(value, dict) else value
