"""How a trial's outcome reads in pytest's report.

Invariants (tests/plugin/test_outcome.py):
- the time of a trial's item is the trial's own, not how long the item waited.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import pytest

from pytest_synebench.plugin.nodes.items import TrialItem
from pytest_synebench.trial import TrialState

Status: TypeAlias = tuple[str, str, tuple[str, dict[str, bool]]]
_LOOK: dict[str, tuple[str, str, dict[str, bool]]] = {
    TrialState.COMPLETED: ("passed", ".", {"green": True}),
    TrialState.STOPPED: ("stopped", "-", {"cyan": True}),
    TrialState.PAUSED: ("paused", "~", {"cyan": True}),
    TrialState.RUNNING: ("unfinished", "/", {"yellow": True}),  # cut off
}


def describe(item: TrialItem, report: pytest.TestReport) -> None:
    """Put a trial's time and outcome on the report of its item; plain data, which xdist carries."""
    trial, run = item.record, item.experiment.run
    if trial is None or run is None:
        return
    report.duration = run.busy_s(trial.id)
    last = trial.last
    report.synebench = {  # type: ignore[attr-defined] # reports take extra attributes
        "state": trial.state.value,
        "level": trial.level,
        "value": None if last is None else f"{run.metric(last.loss):.4g}",
        "resumed": trial.resumed,
    }


def status(report: Any) -> Status | None:
    """Return category, letter and word of a trial's report; None for any other report.

    An xfailed or failed trial is pytest's to describe.
    """
    told = getattr(report, "synebench", None)
    if not told or report.outcome != "passed" or told["state"] not in _LOOK:
        return None
    category, letter, colour = _LOOK[told["state"]]
    words = [f"{category.upper().replace('PASSED', 'COMPLETED')}@{told['level']}"]
    if told["value"] is not None:
        words.append(told["value"])
    if told["resumed"]:
        words.append(f"resumed x{told['resumed']}")
    return category, letter, (" ".join(words), colour)
