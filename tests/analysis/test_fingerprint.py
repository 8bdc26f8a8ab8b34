"""Fingerprints of decision traces."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_synebench.analysis.fingerprint import Trace, trace
from pytest_synebench.events import Closed, Opened, Reported, SlotFreed, Start
from pytest_synebench.experiment.journal.journal import Journal
from pytest_synebench.trial import Report, TrialId

ZERO = TrialId(0)


def write(directory: Path, *, loss: float = 0.5, x: float = 1.0, opened: int = 1) -> Trace:
    directory.mkdir()
    journal = Journal(directory / "journal.jsonl")
    journal.begin({})
    for _ in range(opened):
        journal.append(Opened(at_s=0.0))
    journal.append(SlotFreed(at_s=0.0), (Start(trial_id=ZERO, config={"x": x}),))
    report = Report(trial_id=ZERO, resource=1, loss=loss, at_s=1.0, metrics={})
    journal.append(Reported(report=report))
    journal.append(Closed(at_s=1.0, finished=True, reason=""))
    journal.close()
    return trace(directory)


def test_equal_decisions_have_equal_fingerprints(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a"), write(tmp_path / "b", opened=3)
    assert first.fingerprint() == second.fingerprint(), "who had it open does not matter"
    assert second.same(first.fingerprint())


@pytest.mark.parametrize(
    ("change", "line"), [({"loss": 0.6}, '"loss":0.6'), ({"x": 2.0}, '"config":{"x":2.0}')]
)
def test_another_report_or_config_is_found(
    tmp_path: Path, change: dict[str, float], line: str
) -> None:
    told = write(tmp_path / "a").fingerprint()
    now = write(tmp_path / "b", **change)  # type: ignore[arg-type] # floats by name
    assert not now.same(told)
    found = now.first_difference(told)
    assert found.startswith("decisions first differ at line ")
    assert line in found


def test_a_trace_that_ends_early_or_differs_late_is_said_so() -> None:
    long = Trace(tuple((i, str(i)) for i in range(2, 3000)))
    short = Trace(long.lines[:10])
    assert short.first_difference(long.fingerprint()) == (
        "it ends after 10 events, the baseline's went on"
    )
    other = Trace((*long.lines[:-1], (2999, "other")))
    assert not other.same(long.fingerprint())
    assert other.first_difference(long.fingerprint()) == "it differs after event 2000"
