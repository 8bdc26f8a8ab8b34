from __future__ import annotations

from typing import Any

import pytest
from training_jobs import request

from pytest_synebench.emulator.api.operations import Operations
from pytest_synebench.emulator.clock import Clock
from pytest_synebench.emulator.jobs.account import Account, Settings
from pytest_synebench.emulator.jobs.faults import Faults
from pytest_synebench.emulator.refusal import Refusal


@pytest.fixture
def asked() -> Operations:
    return Operations(Account(Clock(driven=True), Settings()), Faults())


def names(answer: dict[str, Any]) -> list[str]:
    return [one["TrainingJobName"] for one in answer["TrainingJobSummaries"]]


def test_pages_hold_every_job_once_whatever_is_created_meanwhile(asked: Operations) -> None:
    for number in range(25):
        asked("CreateTrainingJob", request(f"a-{number:02d}"))
    told: dict[str, Any] = {"SortBy": "Name", "SortOrder": "Ascending"}
    page = asked("ListTrainingJobs", told)
    seen = names(page)
    assert len(seen) == 10  # ASSUMED-10
    asked("CreateTrainingJob", request("a"))  # sorts before all of them
    while "NextToken" in page:
        page = asked("ListTrainingJobs", {**told, "NextToken": page["NextToken"]})
        seen += names(page)
    assert sorted(seen) == ["a", *(f"a-{number:02d}" for number in range(25))]


def test_a_list_is_filtered(asked: Operations) -> None:
    for name in ("x-1", "y-1"):
        asked("CreateTrainingJob", request(name))
    asked("StopTrainingJob", {"TrainingJobName": "y-1"})
    assert names(asked("ListTrainingJobs", {"NameContains": "x-"})) == ["x-1"]
    assert names(asked("ListTrainingJobs", {"StatusEquals": "Stopping"})) == ["y-1"]
    assert names(asked("ListTrainingJobs", {"CreationTimeBefore": 1.0})) == []
    assert len(names(asked("ListTrainingJobs", {"CreationTimeAfter": 1.0}))) == 2
    assert names(asked("ListTrainingJobs", {"LastModifiedTimeBefore": 1})) == []


def test_a_token_that_was_not_given_out_is_refused(asked: Operations) -> None:
    with pytest.raises(Refusal, match="NextToken is none"):
        asked("ListTrainingJobs", {"NextToken": "abc"})


def test_nothing_is_done_by_a_request_that_is_refused(asked: Operations) -> None:
    for fields in ({"RoleArn": "me"}, {"EnableManagedSpotTraining": True}):
        with pytest.raises(Refusal, match="ValidationException"):
            asked("CreateTrainingJob", request("a", **fields))
    assert names(asked("ListTrainingJobs", {})) == []


def test_what_has_ended_is_not_stopped_in_the_words_of_the_service(asked: Operations) -> None:
    asked("CreateTrainingJob", request("a"))
    asked("StopTrainingJob", {"TrainingJobName": "a"})
    # ASSUMED-04
    with pytest.raises(Refusal, match="rejected because the training job is in status Stopping"):
        asked("StopTrainingJob", {"TrainingJobName": "a"})


def test_tags_are_merged_and_bounded(asked: Operations) -> None:
    arn = asked("CreateTrainingJob", request("a", Tags=[{"Key": "a", "Value": "1"}]))[
        "TrainingJobArn"
    ]
    asked("AddTags", {"ResourceArn": arn, "Tags": [{"Key": "a", "Value": "2"}]})
    assert asked("ListTags", {"ResourceArn": arn})["Tags"] == [{"Key": "a", "Value": "2"}]
    more = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    with pytest.raises(Refusal, match="at most 50 tags; these would be 51"):
        asked("AddTags", {"ResourceArn": arn, "Tags": more})


def test_an_operation_it_lacks_is_named_with_those_it_has(asked: Operations) -> None:
    with pytest.raises(Refusal, match="no CreateEndpoint; it has CreateTrainingJob, Describe"):
        asked("CreateEndpoint", {})
