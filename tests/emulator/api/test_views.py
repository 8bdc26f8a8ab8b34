from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from training_jobs import request

from pytest_synebench.emulator.api import views
from pytest_synebench.emulator.clock import Clock
from pytest_synebench.emulator.jobs.account import Account, Entry, Settings
from pytest_synebench.emulator.jobs.faults import Fault, Kind
from pytest_synebench.emulator.jobs.lifecycle import Downloaded, Exited, Uploaded

MODEL = botocore.session.Session().get_service_model("sagemaker")
SPOT = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 100, "MaxWaitTimeInSeconds": 100},
}


@pytest.fixture
def account() -> Account:
    return Account(Clock(driven=True), Settings())


def training(account: Account, **fields: Any) -> Entry:
    entry = account.create(request("a", **fields))
    account.feed(entry, Downloaded())
    return entry


def shown(account: Account, entry: Entry, *kinds: Kind) -> dict[str, Any]:
    return views.described(account, entry, [Fault(kind=kind) for kind in kinds])


def states(document: dict[str, Any]) -> list[str]:
    return [one["Status"] for one in document["SecondaryStatusTransitions"]]


def test_what_is_shown_is_what_the_model_knows(account: Account) -> None:
    entry = training(account)
    account.feed(entry, Exited(code=1, words="no"))
    document = shown(account, entry)
    shape = MODEL.operation_model("DescribeTrainingJob").output_shape
    assert set(document) <= set(shape.members)
    assert set(shape.required_members) <= set(document)
    assert document["TrainingJobStatus"] in shape.members["TrainingJobStatus"].enum
    assert document["FailureReason"] == "AlgorithmError: no, exit code: 1"
    listed = MODEL.shape_for("TrainingJobSummary").members
    assert set(views.summary(document)) <= set(listed)


def test_a_spot_second_costs_less(account: Account) -> None:
    entry = training(account, **SPOT)
    account.advance(50.0)
    document = shown(account, entry)
    # ASSUMED-09
    assert (document["TrainingTimeInSeconds"], document["BillableTimeInSeconds"]) == (50, 15)


def test_a_stale_answer_shows_the_job_one_transition_ago(account: Account) -> None:
    entry = training(account)
    assert shown(account, entry, Kind.STALE)["SecondaryStatus"] == "Downloading"
    assert shown(account, entry)["SecondaryStatus"] == "Training"


def test_a_list_that_lags_has_no_young_jobs(account: Account) -> None:
    account.settings = Settings(startup_s=60.0)
    young = account.create(request("b"))
    lag = [Fault(kind=Kind.LAG)]
    assert views.listed([young], []) == [young]
    assert views.listed([young], lag) == []
    account.advance(60.0)
    assert views.listed([young], lag) == [young]
    assert shown(account, young, Kind.LAG)["SecondaryStatus"] == "Starting"


def test_transitions_may_be_missing_or_repeated(account: Account) -> None:
    entry = training(account)
    account.feed(entry, Exited(code=0))
    account.feed(entry, Uploaded())
    assert states(shown(account, entry, Kind.MISSING_TRANSITION)) == ["Starting", "Completed"]
    twice = states(shown(account, entry, Kind.REPEATED_TRANSITION))
    assert twice[:4] == ["Starting", "Starting", "Downloading", "Downloading"]
    assert states(shown(account, entry)) == [
        "Starting", "Downloading", "Training", "Uploading", "Completed",
    ]  # fmt: skip


def test_a_status_may_be_one_that_nobody_documented(account: Account) -> None:
    entry = training(account)
    strange = Fault(kind=Kind.UNKNOWN_STATUS, value="Rebalancing")
    document = views.described(account, entry, [strange])
    assert document["TrainingJobStatus"] == document["SecondaryStatus"] == "Rebalancing"
