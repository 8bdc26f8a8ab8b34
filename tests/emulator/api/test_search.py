from __future__ import annotations

from typing import Any

import pytest

from pytest_synebench.emulator.api.search import matches, value_of
from pytest_synebench.emulator.refusal import Refusal

JOB = {
    "TrainingJobName": "trial-1",
    "CreationTime": 1_700_000_000.0,
    "EnableManagedSpotTraining": True,
    "HyperParameters": {"lr": "0.1"},
    "Tags": [{"Key": "run", "Value": "r0"}, {"Key": "team", "Value": "blue"}],
    "InputDataConfig": [
        {"ChannelName": "code", "Kind": "a"},
        {"ChannelName": "data", "Kind": "b"},
    ],
}


def named(value: str, operator: str = "Equals") -> dict[str, str]:
    return {"Name": "TrainingJobName", "Operator": operator, "Value": value}


def test_or_means_or_and_and_is_meant_where_nothing_is_said() -> None:
    two = [named("trial-1"), named("trial-2")]
    assert matches(JOB, {"Filters": two, "Operator": "Or"})
    assert not matches(JOB, {"Filters": two, "Operator": "And"})
    assert not matches(JOB, {"Filters": two})
    assert matches(JOB, {})


def test_expressions_nest() -> None:
    either = {"Filters": [named("x"), named("trial-1")], "Operator": "Or"}
    tag = {"Filters": [{"Name": "Tags.run", "Operator": "Equals", "Value": "r0"}]}
    other = {"Filters": [{"Name": "Tags.run", "Operator": "Equals", "Value": "r1"}]}
    assert matches(JOB, {"SubExpressions": [either, tag]})
    assert not matches(JOB, {"SubExpressions": [either, other]})
    assert matches(JOB, {"SubExpressions": [other, either], "Operator": "Or"})


@pytest.mark.parametrize(
    ("name", "operator", "value", "holds"),
    [
        ("TrainingJobName", "NotEquals", "trial-2", True),
        ("TrainingJobName", "Contains", "al-", True),
        ("TrainingJobName", "In", "a,trial-1", True),
        ("TrainingJobName", "In", "trial-10", False),
        ("HyperParameters.lr", "Exists", None, True),
        ("HyperParameters.wd", "Exists", None, False),
        ("HyperParameters.wd", "NotExists", None, True),
        ("HyperParameters.wd", "NotEquals", "1", True),
        ("HyperParameters.wd", "Equals", "1", False),
        ("EnableManagedSpotTraining", "Equals", "true", True),
        ("CreationTime", "GreaterThan", "2023-11-14T22:13:19Z", True),
        ("CreationTime", "GreaterThan", "2023-11-14T22:13:20Z", False),
        ("CreationTime", "GreaterThanOrEqualTo", "2023-11-14T22:13:20", True),
        ("CreationTime", "LessThan", "1700000001", True),
        ("CreationTime", "LessThanOrEqualTo", "1699999999", False),
        ("TrainingJobName", "LessThan", "5", False),
    ],
)
def test_each_operator(name: str, operator: str, value: str | None, holds: bool) -> None:
    told: dict[str, Any] = {"Name": name, "Operator": operator}
    if value is not None:
        told["Value"] = value
    assert matches(JOB, {"Filters": [told]}) is holds


def test_one_member_of_a_list_must_satisfy_all_nested_filters() -> None:
    def nested(channel: str, kind: str) -> dict[str, Any]:
        prefix = "InputDataConfig"
        filters = [
            {"Name": f"{prefix}.ChannelName", "Operator": "Equals", "Value": channel},
            {"Name": f"{prefix}.Kind", "Operator": "Equals", "Value": kind},
        ]
        return {"NestedFilters": [{"NestedPropertyName": prefix, "Filters": filters}]}

    assert matches(JOB, nested("data", "b"))
    assert not matches(JOB, nested("data", "a"))
    assert value_of(JOB, "InputDataConfig.ChannelName") == ["code", "data"]


def test_what_is_no_number_is_not_compared() -> None:
    told = {"Name": "CreationTime", "Operator": "LessThan", "Value": "yesterday"}
    with pytest.raises(Refusal, match="'yesterday' is neither a number nor a time"):
        matches(JOB, {"Filters": [told]})
