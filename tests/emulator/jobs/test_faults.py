from __future__ import annotations

import pytest

from pytest_synebench.emulator.jobs.faults import Fault, Faults, Kind, from_json


def test_a_rule_meets_what_it_names_after_those_it_spares_so_often_as_told() -> None:
    faults = Faults()
    rule = Fault(kind=Kind.THROTTLE, operation="Create*", about="-r1-", skip=1, times=2)
    faults.replace([rule])
    assert faults.request("DescribeTrainingJob", "a-r1-b") is None
    assert faults.request("CreateTrainingJob", "a-r2-b") is None
    met = [faults.request("CreateTrainingJob", "a-r1-b") for _ in range(4)]
    assert met == [None, Kind.THROTTLE, Kind.THROTTLE, None]
    assert faults.rules()[0].hits == 2


def test_a_rule_about_what_is_seen_is_not_spent_by_the_request() -> None:
    faults = Faults()
    faults.replace([Fault(kind=Kind.STALE), Fault(kind=Kind.LAG, times=None)])
    assert faults.request("Search", "") is None
    assert [rule.kind for rule in faults.view("Search", "")] == [Kind.STALE, Kind.LAG]
    assert [rule.kind for rule in faults.view("Search", "")] == [Kind.LAG]


def test_a_rule_can_be_told_and_shown() -> None:
    rule = from_json({"kind": "drop after", "operation": "s3.PUT", "times": None})
    assert from_json(rule.to_json()) == rule


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"kind": "throtle"}, "no fault is called 'throtle'; known: throttle,"),
        ({"time": 1}, "a fault has no 'time'; it has kind, operation"),
    ],
)
def test_a_rule_of_unknown_words_is_refused(told: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_json(told)
