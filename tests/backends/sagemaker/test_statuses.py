from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.backends.sagemaker.statuses import Fault, Seen, Standing, after, standing

PRIMARY = ("InProgress", "Completed", "Failed", "Stopping", "Stopped", "Deleting")
SECONDARY = (
    "Starting", "LaunchingMLInstances", "PreparingTrainingStack", "Downloading",
    "DownloadingTrainingImage", "Training", "Uploading", "Stopping", "Stopped",
    "MaxRuntimeExceeded", "Completed", "Failed", "Interrupted", "MaxWaitTimeExceeded",
    "Updating", "Restarting", "Pending",
)  # fmt: skip
#: A life, as answers tell it, in order.
LIFE = [
    ("InProgress", "Starting"),
    ("InProgress", "Downloading"),
    ("InProgress", "Training"),
    ("InProgress", "Interrupted"),
    ("InProgress", "Starting"),
    ("InProgress", "Training"),
    ("InProgress", "Uploading"),
    ("Completed", "Completed"),
]


def answer(status: str, secondary: str, at_s: float = 1.0, **more: Any) -> dict[str, Any]:
    return {
        "TrainingJobStatus": status,
        "SecondaryStatus": secondary,
        "LastModifiedTime": at_s,
        **more,
    }


def folded(*answers: dict[str, Any]) -> Seen:
    seen = Seen()
    for one in answers:
        seen = after(seen, one)
    return seen


def test_every_status_of_the_model_has_a_meaning() -> None:
    assert all(standing("InProgress", secondary) for secondary in SECONDARY)
    assert all(standing(status, "") for status in PRIMARY if status != "InProgress")
    session = pytest.importorskip("botocore.session", reason="needs the extra 'aws'")
    model = session.Session().get_service_model("sagemaker")
    assert set(model.shape_for("TrainingJobStatus").enum) <= set(PRIMARY)
    assert set(model.shape_for("SecondaryStatus").enum) <= set(SECONDARY)


@pytest.mark.parametrize(
    ("status", "secondary", "reason", "fault", "ok", "detail"),
    [
        ("Completed", "Completed", "", Fault.NOBODYS, True, "completed"),
        ("Stopped", "Stopped", "", Fault.NOBODYS, False, "stopped"),
        ("Stopped", "MaxRuntimeExceeded", "", Fault.TIME, False, "longer than its max_runtime"),
        ("Stopped", "MaxWaitTimeExceeded", "", Fault.TIME, False, "no Spot instance was found"),
        ("Failed", "Failed", "AlgorithmError: x, exit code: 1", Fault.SCRIPTS, False, "exit code"),
        ("Failed", "Failed", "CapacityError: none", Fault.SERVICES, False, "CapacityError"),
        ("Failed", "Failed", "InternalServerError", Fault.SERVICES, False, "InternalServerError"),
        ("Failed", "Failed", "", Fault.SERVICES, False, "failed, without a reason"),
    ],
)
def test_each_end_says_whose_fault_it_is(
    status: str, secondary: str, reason: str, fault: Fault, ok: bool, detail: str
) -> None:
    seen = folded(answer(status, secondary, FailureReason=reason))
    assert (seen.standing, seen.fault, seen.ok) == (Standing.ENDED, fault, ok)
    assert detail in seen.detail


def test_an_unknown_status_ends_nothing_and_starts_nothing() -> None:
    before = folded(answer("InProgress", "Training"))
    for strange in (answer("Rebalancing", "Rebalancing", 9.0), answer("InProgress", "Odd", 9.0)):
        seen = after(before, strange)
        assert seen.standing is Standing.PLACED
        assert seen.unknown
    assert folded(answer("Failed", "Odd")).standing is Standing.ENDED


@given(seed=st.integers(0, 2**32), copies=st.lists(st.sampled_from(range(len(LIFE))), max_size=20))
def test_answers_in_any_order_end_where_the_newest_does(seed: int, copies: list[int]) -> None:
    numbers = [*range(len(LIFE)), *copies]
    told = [answer(LIFE[n][0], LIFE[n][1], at_s=float(n)) for n in numbers]
    random.Random(seed).shuffle(told)
    assert folded(*told).standing is Standing.ENDED
    assert folded(*told).ok
    running = [one for one in told if one["TrainingJobStatus"] == "InProgress"]
    newest = max(running, key=lambda one: float(one["LastModifiedTime"]))
    assert folded(*running).standing is standing("InProgress", newest["SecondaryStatus"])


def test_once_ended_a_job_stays_ended_with_its_first_reason() -> None:
    seen = folded(
        answer("Failed", "Failed", 5.0, FailureReason="AlgorithmError: a"),
        answer("InProgress", "Training", 9.0),
        answer("Deleting", "Stopped", 10.0),
    )
    assert (seen.standing, seen.detail) == (Standing.ENDED, "AlgorithmError: a")


def test_a_list_without_secondary_statuses_is_understood() -> None:
    entry = {"TrainingJobStatus": "InProgress", "LastModifiedTime": 1.0}
    assert folded(entry).standing is Standing.WAITING
    placed = folded({**entry, "TrainingStartTime": 1.0, "BillableTimeInSeconds": 9})
    assert (placed.standing, placed.was_placed, placed.billable_s) == (Standing.PLACED, True, 9)
