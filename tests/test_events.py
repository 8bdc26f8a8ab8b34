from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given

from pytest_synebench.errors import JournalError
from pytest_synebench.events import (
    Decision,
    Event,
    Note,
    Reported,
    Start,
    from_json,
    is_same,
    to_json,
)
from pytest_synebench.testing.histories import DECISIONS, EVENTS, NOTES
from pytest_synebench.trial import CheckpointRef, Report, TrialId


def reported(loss: float, **metrics: Any) -> Reported:
    return Reported(
        report=Report(trial_id=TrialId(1), resource=2, loss=loss, at_s=3.0, metrics=metrics)
    )


@given(item=EVENTS | NOTES | DECISIONS)
@example(item=reported(math.nan, a=math.inf, b=-math.inf, c="nan", d="\ud800", e=-0.0, f=True))
@example(item=Start(trial_id=TrialId(0), config={"lr": math.inf, "name": "inf"}))
def test_json_brings_everything_back_equal(item: Event | Note | Decision) -> None:
    text = json.dumps(to_json(item), allow_nan=False)
    # By repr: NaN equals nothing, and True must not come back as 1.
    assert repr(from_json(json.loads(text))) == repr(item)


@pytest.mark.parametrize(
    ("loss", "name"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")]
)
def test_a_loss_that_is_not_finite_is_written_by_its_name(loss: float, name: str) -> None:
    assert to_json(reported(loss))["loss"] == name


def test_the_number_nan_and_the_text_nan_stay_apart() -> None:
    metrics = to_json(reported(1.0, number=math.nan, text="nan"))["m"]
    assert metrics == {"number": {"float": "nan"}, "text": "nan"}


def test_a_start_names_the_exact_bytes_it_starts_from() -> None:
    ref = CheckpointRef(trial_id=TrialId(4), level=3, sha256="ab")
    start = Start(trial_id=TrialId(7), config={}, until=9, checkpoint=ref)
    assert to_json(start)["from"] == [4, 3, "ab"]
    assert "from" not in to_json(Start(trial_id=TrialId(7), config={}))


def test_a_kind_of_a_newer_version_is_refused_by_name() -> None:
    with pytest.raises(JournalError, match=r"kind 'rewound'; this version knows slot, .*newer"):
        from_json({"k": "rewound", "t": 0.0})


def test_a_missing_field_is_named() -> None:
    with pytest.raises(JournalError, match="kind 'resume' lacks the field 'until'"):
        from_json({"k": "resume", "trial": 0})


@pytest.mark.parametrize(
    "data",
    [
        {"k": "ended", "t": 0.0, "trial": 0, "state": "exploded", "why": ""},
        {"k": "report", "t": 0.0, "trial": 0, "r": 0, "loss": 0.0, "m": {}},
        {"k": "report", "t": 0.0, "trial": 0, "r": 1, "loss": None, "m": {}},
        {"k": "report", "t": 0.0, "trial": 0, "r": 1, "loss": 0.5, "m": []},
        {"k": "start", "trial": 0, "config": {}, "until": None, "from": [1]},
    ],
)
def test_a_value_that_breaks_its_rule_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(JournalError, match=f"kind '{data['k']}' breaks a rule: .*nothing of ours"):
        from_json(data)


@pytest.mark.parametrize(
    ("found", "same"), [(("ab", 4), True), (("ab", 2), True), (None, True), (("ab", 5), False)]
)
def test_a_decision_is_the_same_whatever_bytes_were_pinned_for_it(
    found: tuple[str, int] | None, same: bool
) -> None:
    asked = CheckpointRef(trial_id=TrialId(0), level=4, sha256="")
    decided = Start(trial_id=TrialId(1), config={}, checkpoint=asked)
    ref = found and CheckpointRef(trial_id=TrialId(0), level=found[1], sha256=found[0])
    written = Start(trial_id=TrialId(1), config={}, checkpoint=ref or None)
    assert is_same(decided, written) == same
    # What was pinned is what it is: nothing is passed over between two decisions written down.
    assert not is_same(written, decided)
