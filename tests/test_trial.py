from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from pytest_synebench.errors import UsageError
from pytest_synebench.trial import Report, TrialId, TrialState, checked_report


@pytest.mark.parametrize("resource", [0, -1, True, 1.0, 2.5, "3"])
def test_a_report_of_no_level_cannot_exist(resource: Any) -> None:
    with pytest.raises(UsageError, match="levels are integers from 1 up"):
        Report(trial_id=TrialId(0), resource=resource, loss=0.5, at_s=0.0)


def test_a_report_that_was_checked_is_one_as_any_other() -> None:
    fields: dict[str, Any] = {"trial_id": 3, "resource": 2, "loss": 0.5, "at_s": 7.0}
    metrics: dict[str, Any] = {"loss": 0.5}
    made, plain = checked_report(**fields, metrics=metrics), Report(**fields, metrics=metrics)
    assert (type(made), made, repr(made)) == (Report, plain, repr(plain))
    assert made.metrics is metrics
    with pytest.raises(FrozenInstanceError):
        made.loss = 0.0  # type: ignore[misc] # that is what is tested


def test_a_paused_trial_is_alive() -> None:
    final = {state for state in TrialState if state.final}
    assert final == {TrialState.COMPLETED, TrialState.STOPPED, TrialState.FAILED}
