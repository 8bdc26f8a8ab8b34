"""The rules of the gate."""

from __future__ import annotations

import pytest

from pytest_synebench.analysis.gate.rules import SENSITIVE, STRICT, final_runs, parse_rule
from pytest_synebench.errors import UsageError


@pytest.mark.parametrize(("text", "rule"), [("strict", STRICT), ("sensitive", SENSITIVE)])
def test_a_profile_is_named(text: str, rule: object) -> None:
    assert parse_rule(text) is rule


@pytest.mark.parametrize(
    ("text", "limit", "relative"),
    [("best:2%", 0.02, True), ("best:0.1", 0.1, False), ("best:.5%", 0.005, True)],
)
def test_a_threshold_is_a_share_or_a_number(text: str, limit: float, relative: bool) -> None:
    rule = parse_rule(text)
    assert rule.limit == pytest.approx(limit)
    assert rule.relative is relative


@pytest.mark.parametrize("text", ["", "lenient", "best", "best:", "best:-1%", "median:2%"])
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"no rule of the gate is called .*known: strict"):
        parse_rule(text)


@pytest.mark.parametrize("setups", [1, 3, 4, 24])
def test_the_levels_add_up(setups: int) -> None:
    for one in (STRICT, SENSITIVE):
        total = one.test_level(setups) + one.broad_level(setups)
        assert total == pytest.approx(one.level)
        assert (one.broad_level(setups) > 0) is (setups >= 4)


def test_many_tests_take_more_runs() -> None:
    assert [final_runs(tests) for tests in (1, 7, 8, 48)] == [15, 15, 20, 20]
