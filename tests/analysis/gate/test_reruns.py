"""The looks at a change: added to, never replaced."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from pytest_synebench.analysis.baselines import Entry
from pytest_synebench.analysis.gate.reruns import Look, Reruns, change_key, pooled
from pytest_synebench.errors import UsageError

FIRST = Look([20, 21], {"final": [1.0, math.nan], "area": [2.0, math.inf]})
SECOND = Look([22], {"final": [3.0], "area": [4.0]})


def test_looks_are_kept_in_order_and_pooled(tmp_path: Path) -> None:
    reruns = Reruns(tmp_path / "gates" / "reruns.json")
    assert reruns.looks("a") == []
    reruns.begin("a", FIRST)
    reruns.begin("b", SECOND)
    reruns.add("a", SECOND)
    looks = reruns.looks("a")
    assert [look.run_ids for look in looks] == [[20, 21], [22]]
    scores = pooled(looks)
    assert repr(scores["final"]) == "[1.0, nan, 3.0]"
    assert scores["area"] == [2.0, math.inf, 4.0]
    assert len(reruns.looks("b")) == 1


def test_the_same_first_look_changes_nothing_and_another_begins_anew(tmp_path: Path) -> None:
    reruns = Reruns(tmp_path / "reruns.json")
    reruns.begin("a", FIRST)
    reruns.add("a", SECOND)
    reruns.begin("a", FIRST)
    assert len(reruns.looks("a")) == 2
    reruns.begin("a", SECOND)
    assert reruns.looks("a") == [SECOND]


def test_a_change_is_known_by_setup_baseline_and_decisions() -> None:
    one, other = Entry({"runs": {}}), Entry({"runs": {"1": {}}})
    keys = {
        change_key("a::s", one, ["x"]),
        change_key("b::s", one, ["x"]),
        change_key("a::s", other, ["x"]),
        change_key("a::s", one, ["y"]),
    }
    assert len(keys) == 4
    assert change_key("a::s", one, ["x"]) in keys


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"changes": 3}'])
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "reruns.json").write_text(text)
    with pytest.raises(UsageError, match=r"holds no looks of a gate .*; remove it"):
        Reruns(tmp_path / "reruns.json").looks("a")
