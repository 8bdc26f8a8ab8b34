"""What a job's statuses mean for its attempt: every documented one, and those that are not.

    waiting → placed → ending → ended
       ↑ interrupted ↓                    (Spot: the same job waits for a machine again)

Answers come late, out of order and with gaps, and AWS adds statuses without notice. So an unknown
one means "carry on as before", and nothing that was ended comes back.

Invariants (tests/backends/sagemaker/test_statuses.py holds each one):
- every status in botocore's model has a meaning here;
- an unknown status ends nothing and starts nothing;
- folding answers in any order, any number of times, ends where the newest of them does;
- once ended, a job stays ended, with the first reason that was told.

Source: DescribeTrainingJob, TrainingJobStatus and SecondaryStatus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any


class Standing(StrEnum):
    """Where a job stands, as far as its attempt is concerned."""

    WAITING = "waiting"  #: for a machine; no fault of its own
    PLACED = "placed"  #: a machine runs it, or prepares to
    INTERRUPTED = "interrupted"  #: its Spot machine was taken; it waits for another
    ENDING = "ending"
    ENDED = "ended"


class Fault(StrEnum):
    """Whose fault it is that a job did not complete."""

    NOBODYS = ""  #: it completed, or was stopped as asked
    SCRIPTS = "script"  #: it would happen again
    TIME = "time"  #: a limit of its own template
    SERVICES = "service"  #: another attempt may go well


_BY_SECONDARY = {
    "Starting": Standing.WAITING,
    "Pending": Standing.WAITING,
    "LaunchingMLInstances": Standing.WAITING,
    "Restarting": Standing.INTERRUPTED,
    "Interrupted": Standing.INTERRUPTED,
    "PreparingTrainingStack": Standing.PLACED,
    "Downloading": Standing.PLACED,
    "DownloadingTrainingImage": Standing.PLACED,
    "Training": Standing.PLACED,
    "Updating": Standing.PLACED,
    "Uploading": Standing.ENDING,
    "Stopping": Standing.ENDING,
    "Stopped": Standing.ENDED,
    "MaxRuntimeExceeded": Standing.ENDED,
    "MaxWaitTimeExceeded": Standing.ENDED,
    "Completed": Standing.ENDED,
    "Failed": Standing.ENDED,
}
_BY_STATUS = {
    "Completed": Standing.ENDED,
    "Failed": Standing.ENDED,
    "Stopped": Standing.ENDED,
    "Stopping": Standing.ENDING,
    "Deleting": Standing.ENDED,  # only what has ended can be deleted
}
_TIMES = {
    "MaxRuntimeExceeded": "it ran for longer than its max_runtime; raise that, or have trials "
    "save checkpoints, from which another attempt goes on",
    "MaxWaitTimeExceeded": "no Spot instance was found within max_wait; raise it, or leave --spot",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of one job."""

    standing: Standing = Standing.WAITING
    was_placed: bool = False  #: a machine has had it, at some time
    ok: bool = False  #: ended as Completed
    fault: Fault = Fault.NOBODYS
    detail: str = ""  #: of the end, for people
    unknown: frozenset[str] = frozenset()  #: statuses that nobody here has heard of
    modified_s: float = 0.0  #: of the newest answer
    billable_s: int = 0  #: as the service counts, when it does


def standing(status: str, secondary: str) -> Standing | None:
    """Return what two statuses mean together; None: nothing that is known here.

    >>> standing("InProgress", "Training").value, standing("InProgress", "Rebalancing")
    ('placed', None)
    """
    # The primary one decides about ends: a job may be Failed with any secondary status.
    return _BY_STATUS.get(status) or (
        _BY_SECONDARY.get(secondary) if status == "InProgress" else None
    )


def after(seen: Seen, answer: Mapping[str, Any]) -> Seen:
    """Return what is known after an answer of DescribeTrainingJob, or one entry of a list."""
    if seen.standing is Standing.ENDED:
        return seen
    status, secondary = str(answer["TrainingJobStatus"]), str(answer.get("SecondaryStatus", ""))
    now = standing(status, secondary) or _without_secondary(status, answer)
    strange = _strange(status, secondary)
    seen = replace(seen, unknown=seen.unknown | strange)
    modified_s = _seconds(answer.get("LastModifiedTime"))
    if now is None or (modified_s < seen.modified_s and now is not Standing.ENDED):
        return seen
    return replace(
        seen,
        standing=now,
        was_placed=seen.was_placed or now in _AFTER_PLACING or "TrainingStartTime" in answer,
        modified_s=max(modified_s, seen.modified_s),
        billable_s=max(seen.billable_s, int(answer.get("BillableTimeInSeconds", 0))),
        **(_end(status, secondary, answer) if now is Standing.ENDED else {}),
    )


_AFTER_PLACING = frozenset({Standing.PLACED, Standing.INTERRUPTED})


def _without_secondary(status: str, answer: Mapping[str, Any]) -> Standing | None:
    """Lists of older services have no secondary status: what has begun to train is placed."""
    if status != "InProgress" or "SecondaryStatus" in answer:
        return None
    return Standing.PLACED if "TrainingStartTime" in answer else Standing.WAITING


def _strange(status: str, secondary: str) -> frozenset[str]:
    known = _BY_STATUS.keys() | {"InProgress"}
    out = {status} - known
    if secondary and secondary not in _BY_SECONDARY:
        out.add(secondary)
    return frozenset(out)


def _end(status: str, secondary: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    reason = str(answer.get("FailureReason", ""))
    if status == "Completed":
        return {"ok": True, "detail": "completed"}
    if secondary in _TIMES:
        return {"fault": Fault.TIME, "detail": f"{secondary}: {_TIMES[secondary]}"}
    if status == "Failed":
        return {"fault": _whose(reason), "detail": reason or "failed, without a reason"}
    return {"detail": reason or status.lower()}


def _whose(reason: str) -> Fault:
    """Return whose fault a failure is, by how its reason begins."""
    if reason.startswith("AlgorithmError"):
        return Fault.SCRIPTS
    return Fault.SERVICES


def _seconds(moment: object) -> float:
    if isinstance(moment, datetime):
        return moment.timestamp()
    return float(moment) if isinstance(moment, int | float) else 0.0
