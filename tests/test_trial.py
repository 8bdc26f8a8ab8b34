from __future__ import annotations

from typing import Any

import pytest

from pytest_synebench.errors import UsageError
from pytest_synebench.trial import Report, TrialId, TrialState


@pytest.mark.parametrize("resource", [0, -1, True, 1.0, 2.5, "3"])
def test_a_report_of_no_level_cannot_exist(resource: Any) -> None:
    with pytest.raises(UsageError, match="levels are integers from 1 up"):
        Report(trial_id=TrialId(0), resource=resource, loss=0.5, at_s=0.0)


def test_a_paused_trial_is_alive() -> None:
    final = {state for state in TrialState if state.final}
    assert final == {TrialState.COMPLETED, TrialState.STOPPED, TrialState.FAILED}
