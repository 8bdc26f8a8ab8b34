"""How a trial's outcome reads."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_synebench.plugin.session.outcome import describe, status
from pytest_synebench.trial import TrialState

from .conftest import Go


@pytest.mark.parametrize(
    ("state", "resumed", "expected"),
    [
        ("completed", 2, ("passed", ".", "COMPLETED@9 0.4288 resumed x2")),
        ("stopped", 0, ("stopped", "-", "STOPPED@9 0.4288")),
        ("paused", 0, ("paused", "~", "PAUSED@9 0.4288")),
        ("running", 0, ("unfinished", "/", "UNFINISHED@9 0.4288")),
    ],
)
def test_a_trial_reads_by_state_level_and_value(
    state: str, resumed: int, expected: tuple[str, str, str]
) -> None:
    told = {"state": state, "level": 9, "value": "0.4288", "resumed": resumed}
    seen = status(SimpleNamespace(synebench=told, outcome="passed"))
    assert seen is not None
    assert (seen[0], seen[1], seen[2][0]) == expected


def test_the_time_of_an_item_is_the_trials_own() -> None:
    trial = SimpleNamespace(id=3, last=None, state=TrialState.COMPLETED, level=0, resumed=0)
    run = SimpleNamespace(busy_s={3: 12.5}.__getitem__)
    item: Any = SimpleNamespace(record=trial, experiment=SimpleNamespace(run=run))
    report: Any = SimpleNamespace(duration=0.001)
    describe(item, report)
    assert report.duration == 12.5


def test_failures_and_other_reports_are_left_to_pytest() -> None:
    told = {"state": "failed", "level": 0, "value": None, "resumed": 0}
    assert status(SimpleNamespace(synebench=told, outcome="failed")) is None
    assert status(SimpleNamespace(outcome="passed")) is None


def test_stopped_trials_have_a_letter_and_a_count_of_their_own(go: Go) -> None:
    args = ("--synebench", "toy", "--variant", "base", "--scheduler", "asha_stopping")
    result = go(*args, "--num_workers", "1")
    result.stdout.fnmatch_lines(["synebench .*-*", "*passed, * stopped*"])


def test_a_diverged_trial_shows_nan(go: Go) -> None:
    result = go("--synebench", "toy", "--variant", "base", "--behave", "1:nan", "-v")
    result.stdout.fnmatch_lines(["*trial[[]1] COMPLETED@3 nan*"])
