from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.backends.sagemaker.recording.redaction import Redaction

SECRET = "hunter2"
NAMES = """
Bucket Key RoleArn S3Uri Value Environment HyperParameters Tags Body TrainingImage FailureReason
Message NextToken Subnets KmsKeyId anything
"""
FIELDS = st.sampled_from(NAMES.split())
TEXT = st.text(max_size=5).map(lambda text: f"{text}{SECRET}{text}")
VALUES: Any = st.recursive(
    TEXT | st.integers() | st.booleans() | st.none() | TEXT.map(str.encode),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(FIELDS, VALUES, max_size=5))
def test_no_text_survives_where_it_might_be_somebodys(request: dict[str, Any]) -> None:
    redacted = Redaction(0.0)(request)
    assert SECRET not in json.dumps(redacted)
    assert redacted.keys() == request.keys()


@pytest.mark.parametrize("field", ["HyperParameters", "Environment"])
def test_the_keys_of_a_mapping_go_too(field: str) -> None:
    told = Redaction(0.0)({field: {"my_secret_plan": "1", "lr": "2"}})
    assert told == {field: {"redacted_1": "redacted", "redacted_2": "redacted"}}


def test_what_says_nothing_of_its_owner_stays() -> None:
    told = {
        "TrainingJobStatus": "Stopped",
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
        "EnableManagedSpotTraining": True,
        "ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/entry.py"],
    }
    assert Redaction(0.0)(told) == told


def test_jobs_are_told_apart_and_nothing_more() -> None:
    redaction = Redaction(0.0)
    names = [redaction({"TrainingJobName": name}) for name in ("lstm-a", "lstm-b", "lstm-a")]
    assert [one["TrainingJobName"] for one in names] == ["job-1", "job-2", "job-1"]


def test_times_are_told_from_the_beginning_on() -> None:
    redaction = Redaction(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    later = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    assert redaction({"CreationTime": later}) == {"CreationTime": 60.0}
    assert redaction({"LastModifiedTimeAfter": later.timestamp()}) == {
        "LastModifiedTimeAfter": 60.0
    }


def test_a_failure_keeps_whose_it_was() -> None:
    told = Redaction(0.0)({"FailureReason": "AlgorithmError: my script, exit code: 1"})
    assert told == {"FailureReason": "AlgorithmError: redacted"}
