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


def test_of_a_share_so_many_meet_it_and_the_same_ones_each_time() -> None:
    def met(share: float) -> list[bool]:
        faults = Faults()
        faults.replace([Fault(kind=Kind.UNAVAILABLE, times=None, share=share)])
        return [faults.request("s3.GET", "") is not None for _ in range(1000)]

    assert met(0.3) == met(0.3)
    assert 250 < sum(met(0.3)) < 350  # of a fixed seed
    assert (sum(met(0.0)), sum(met(1.0))) == (0, 1000)


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
        ({"kind": "throttle", "share": 30}, "share is 30; it must be from 0 to 1"),
        ({"_chance": 1, "kind": "throttle"}, "a fault has no '_chance'"),
        ({"time": 1}, "a fault has no 'time'; it has kind, operation"),
    ],
)
def test_a_rule_of_unknown_words_is_refused(told: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_json(told)
