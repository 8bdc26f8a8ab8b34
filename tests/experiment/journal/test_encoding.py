from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_synebench.events import Decision, Event, Note, Reported, SlotFreed, Start, to_json
from pytest_synebench.experiment.journal.columns import encoded_all
from pytest_synebench.experiment.journal.encoding import encoded
from pytest_synebench.testing.histories import DECISIONS, EVENTS, NOTES
from pytest_synebench.trial import CheckpointRef, Report, TrialId

T1 = TrialId(1)


class Loud(float):
    """A float with another repr, as those of NumPy are."""

    def __repr__(self) -> str:
        return f"Loud({float(self)})"


def reported(metrics: dict[str, Any], loss: float = 0.25, at_s: float = 3.5) -> Reported:
    return Reported(report=Report(trial_id=T1, resource=2, loss=loss, at_s=at_s, metrics=metrics))


def start(**changed: Any) -> Start:
    told: dict[str, Any] = {"trial_id": T1, "config": {"lr": 0.5, "layers": 3}, "until": 9}
    return Start(**(told | changed))


def by_the_encoder(event: Event | Note, decisions: tuple[Decision, ...]) -> str:
    entry: dict[str, Any] = {"e": to_json(event)}
    if decisions:
        entry["d"] = [to_json(decision) for decision in decisions]
    return json.dumps(entry, separators=(",", ":"), allow_nan=False)


@given(event=EVENTS | NOTES, decisions=st.lists(DECISIONS, max_size=2).map(tuple))
@example(event=reported({"loss": 0.1, "epoch": 2, "s": 1e300}), decisions=())
@example(event=reported({"100 %": 1.0, 'quoted "%s"': 2, "ä\ud800": 3.0}), decisions=())
@example(event=reported({"a": True, "b": None, "c": "nan", "d": -0.0}), decisions=())
@example(event=reported({"a": math.nan, "b": math.inf, "c": -math.inf}), decisions=())
@example(event=reported({"a": 1e308, "b": 1.5e308}), decisions=())  # a sum that overflows
@example(event=reported({"a": 10**400, "b": 1.5}), decisions=())
@example(event=reported({}, loss=math.nan), decisions=())
@example(event=reported({"loss": Loud(0.5)}, loss=Loud(0.5), at_s=Loud(1.5)), decisions=())
@example(event=SlotFreed(at_s=Loud(2.5)), decisions=(start(config={"lr": Loud(0.5)}),))
@example(event=SlotFreed(at_s=7), decisions=(start(config={}, until=None),))
@example(
    event=SlotFreed(at_s=1e-9),
    decisions=(start(checkpoint=CheckpointRef(trial_id=T1, level=3, sha256="ab")),),
)
def test_an_entry_is_written_as_the_encoder_would(
    event: Event | Note, decisions: tuple[Decision, ...]
) -> None:
    assert encoded(event, decisions) == by_the_encoder(event, decisions)


#: Of few forms, so that several have the same; the loss is one of the metrics, the very object.
REPORTS = st.builds(
    lambda loss, epoch, more, at_s: reported({"loss": loss, "epoch": epoch, **more}, loss, at_s),
    loss=st.floats() | st.sampled_from([0.1, 1e308, -0.0, 5e-324]),
    epoch=st.integers(1, 9),
    more=st.sampled_from([{}, {"s": 1e-5}, {"s": 10**400}, {"s": True}, {"s": None}]),
    at_s=st.floats(0, 1e9),
)


@given(
    entries=st.lists(
        st.tuples(REPORTS, st.just(())) | st.tuples(EVENTS | NOTES, st.lists(DECISIONS).map(tuple)),
        max_size=12,
    )
)
@example(entries=[(reported({"loss": 1e308}, 1e308), ())] * 2)  # a sum that overflows
@example(entries=[(reported({"loss": 0.5}, loss), ()) for loss in (0.25, math.nan)])
@example(entries=[(reported({"loss": one}, 0.25), ()) for one in (0.25, 0.5)])
@example(entries=[(reported({"a": one}, one), ()) for one in (Loud(0.5), 0.5)])
@example(entries=[(reported({}, at_s=at_s), ()) for at_s in (1.0, 2)])
def test_many_entries_are_written_as_each_alone(
    entries: list[tuple[Event | Note, tuple[Decision, ...]]],
) -> None:
    assert encoded_all(entries) == [encoded(*entry) for entry in entries]


@pytest.mark.parametrize("at_s", [math.nan, math.inf])
def test_among_many_a_time_that_is_not_finite_is_refused(at_s: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encoded_all([(reported({"loss": 0.5}), ()), (reported({"loss": 0.5}, at_s=at_s), ())])


@pytest.mark.parametrize("at_s", [math.nan, math.inf])
@pytest.mark.parametrize(
    "event", [lambda at_s: SlotFreed(at_s=at_s), lambda at_s: reported({}, at_s=at_s)]
)
def test_a_time_that_is_not_finite_is_refused(event: Callable[[float], Event], at_s: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encoded(event(at_s))
