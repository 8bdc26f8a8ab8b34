from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synebench.backends.inbox import Inbox
from pytest_synebench.backends.protocol import (
    AttemptBegan,
    AttemptKey,
    AttemptReported,
    AttemptSaved,
)
from pytest_synebench.channel import Message
from pytest_synebench.trial import TrialId

KEY = AttemptKey(TrialId(3), 1)
HELLO: dict[str, Any] = {
    "version": 1,
    "checkpoints": True,
    "resumed_from": 4,
    "remark": "REJECTED: torn",
}


def test_each_kind_becomes_its_observation() -> None:
    messages = [
        Message("hello", 0, HELLO),
        Message("report", 1, {"metrics": {"loss": 0.5}}),
        Message("saved", 2, {"level": 5}),
    ]
    assert Inbox(KEY).take(messages) == [
        AttemptBegan(key=KEY, resumed_from=4, checkpoints=True, remark="REJECTED: torn"),
        AttemptReported(key=KEY, sequence=0, metrics={"loss": 0.5}),
        AttemptSaved(key=KEY, level=5),
    ]


def test_a_remark_may_be_left_out() -> None:
    fields = {name: value for name, value in HELLO.items() if name != "remark"}
    (began,) = Inbox(KEY).take([Message("hello", 0, fields)])
    assert began == AttemptBegan(key=KEY, resumed_from=4, checkpoints=True)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("hello", {**HELLO, "resumed_from": True}),
        ("hello", {**HELLO, "checkpoints": 1}),
        ("hello", {**HELLO, "remark": None}),
        ("hello", {}),
        ("report", {}),
        ("report", {"metrics": 0.5}),
        ("saved", {"level": "5"}),
        ("saved", {"level": 5.0}),
    ],
)
def test_fields_of_another_form_count_as_rejected(kind: str, fields: dict[str, Any]) -> None:
    inbox = Inbox(KEY)
    assert inbox.take([Message(kind, 0, fields)]) == []
    assert inbox.rejected == 1


def test_a_kind_of_a_later_version_is_left_out_and_no_fault() -> None:
    inbox = Inbox(KEY)
    assert inbox.take([Message("gpu", 0, {"celsius": 80})]) == []
    assert inbox.rejected == 0


@settings(deadline=None)
@given(st.lists(st.sampled_from(["report", "broken", "saved", "hello"])), st.integers(0, 5))
def test_reports_are_numbered_without_a_gap_whatever_stands_between(
    kinds: list[str], cut: int
) -> None:
    fields: dict[str, dict[str, Any]] = {
        "report": {"metrics": {}},
        "broken": {"metrics": None},
        "saved": {"level": 1},
        "hello": HELLO,
    }
    messages = [
        Message("report" if kind == "broken" else kind, n, fields[kind])
        for n, kind in enumerate(kinds)
    ]
    inbox = Inbox(KEY)
    seen = inbox.take(messages[:cut]) + inbox.take(messages[cut:])
    numbers = [o.sequence for o in seen if isinstance(o, AttemptReported)]
    assert numbers == list(range(kinds.count("report")))
    assert inbox.rejected == kinds.count("broken")
