"""Jobs as the service shows them: in Describe, in lists, in Search; faults included.

Invariants (tests/emulator/api/test_views.py holds each one):
- what is shown is what botocore's model of the answer knows;
- a fault changes what is seen in this answer, and nothing of the job.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pytest_synebench.emulator.jobs.account import Account, Entry
from pytest_synebench.emulator.jobs.faults import Fault, Kind
from pytest_synebench.emulator.jobs.lifecycle import Life, Secondary

SPOT_PRICE = 0.3  #: of a Spot second, in seconds that are billed (ASSUMED-09)
_ECHOED = (
    "HyperParameters", "AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig",
    "ResourceConfig", "VpcConfig", "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining", "CheckpointConfig",
    "DebugHookConfig", "ExperimentConfig", "TensorBoardOutputConfig", "ProfilerConfig",
    "Environment", "RetryStrategy",
)  # fmt: skip
_SUMMARY = (
    "TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingEndTime", "LastModifiedTime",
    "TrainingJobStatus", "SecondaryStatus",
)  # fmt: skip


def described(account: Account, entry: Entry, faults: Sequence[Fault] = ()) -> dict[str, Any]:
    """Return a job in full."""
    kinds = {fault.kind for fault in faults}
    old = bool(kinds & {Kind.STALE, Kind.LAG})
    life = entry.earlier if old else entry.life
    out: dict[str, Any] = {
        "TrainingJobName": entry.name,
        "TrainingJobArn": account.arn(entry.name),
        "TrainingJobStatus": life.status,
        "SecondaryStatus": life.secondary.value,
        "ModelArtifacts": {"S3ModelArtifacts": model_uri(entry)},
        "CreationTime": life.created_s,
        "LastModifiedTime": life.history[-1].start_s if old else entry.modified_s,
        "StoppingCondition": _stopping(entry, life),
        "SecondaryStatusTransitions": _transitions(life, kinds),
        "FinalMetricDataList": [
            {"MetricName": name, "Value": value, "Timestamp": at_s}
            for name, (value, at_s) in sorted(entry.metrics.items())
        ],
    }
    out |= {name: entry.request[name] for name in _ECHOED if name in entry.request}
    out |= _times(account, entry, life)
    if life.failure:
        out["FailureReason"] = life.failure
    for fault in faults:
        if fault.kind is Kind.UNKNOWN_STATUS:
            out["TrainingJobStatus"] = out["SecondaryStatus"] = fault.value
    return out


def model_uri(entry: Entry) -> str:
    """Return where a job's model goes."""
    folder = entry.request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    return f"{folder}/{entry.name}/output/model.tar.gz"


def summary(document: dict[str, Any]) -> dict[str, Any]:
    """Return what ListTrainingJobs shows of a job that is given in full."""
    return {name: document[name] for name in _SUMMARY if name in document}


def listed(entries: Iterable[Entry], faults: Sequence[Fault]) -> list[Entry]:
    """Return the jobs that a list shows: one that lags has no young ones."""
    lags = any(fault.kind is Kind.LAG for fault in faults)
    return [e for e in entries if not (lags and e.life.secondary is Secondary.STARTING)]


def _stopping(entry: Entry, life: Life) -> dict[str, Any]:
    told = entry.request.get("StoppingCondition", {})
    return {"MaxRuntimeInSeconds": int(life.terms.max_runtime_s), **told}


def _times(account: Account, entry: Entry, life: Life) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if life.started_s is not None:
        out["TrainingStartTime"] = life.started_s
    if life.ended_s is not None:
        out["TrainingEndTime"] = life.ended_s
    running_s = account.clock.now_s() - life.since_s if life.running else 0.0
    if life.started_s is not None:
        trained_s = int(life.trained_s + running_s)
        out["TrainingTimeInSeconds"] = trained_s
        spot = entry.request.get("EnableManagedSpotTraining")
        out["BillableTimeInSeconds"] = int(trained_s * SPOT_PRICE) if spot else trained_s
    return out


def _transitions(life: Life, kinds: set[Kind]) -> list[dict[str, Any]]:
    shown = list(life.history)
    if Kind.MISSING_TRANSITION in kinds:
        shown = [*shown[:1], *shown[1:][-1:]]
    if Kind.REPEATED_TRANSITION in kinds:
        shown = [one for one in shown for _ in range(2)]
    return [
        {
            "Status": one.secondary.value,
            "StartTime": one.start_s,
            "StatusMessage": one.message,
            **({} if one.end_s is None else {"EndTime": one.end_s}),
        }
        for one in shown
    ]
