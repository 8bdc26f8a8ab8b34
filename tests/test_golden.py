"""Journals of every version that ever wrote one: they must be read, and mean the same, for ever.

A file in tests/golden/ is never changed. A new schema, kind or field adds a file and a test.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from journals import folded

from pytest_synebench.durable import read_lines
from pytest_synebench.events import _READERS, Reported, from_json, to_json
from pytest_synebench.experiment.journal.journal import read_journal
from pytest_synebench.trial import CheckpointRef, TrialId, TrialState

GOLDEN = Path(__file__).parent / "golden"
V1 = GOLDEN / "v1.jsonl"


def lines(path: Path) -> list[dict[str, Any]]:
    payloads, whole = read_lines(path.read_bytes(), path.name)
    assert whole == path.stat().st_size
    return [json.loads(payload) for payload in payloads]


def items(path: Path) -> list[dict[str, Any]]:
    """Return every event, note and decision of a journal, as written."""
    return [item for line in lines(path)[1:] for item in (line["e"], *line.get("d", ()))]


def test_the_golden_journals_have_every_kind_that_this_version_writes() -> None:
    kinds = {item["k"] for path in GOLDEN.glob("*.jsonl") for item in items(path)}
    assert kinds == set(_READERS), "a kind was added: add a journal of the version that writes it"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.jsonl")), ids=lambda path: path.name)
def test_a_field_is_only_ever_added(path: Path) -> None:
    for item in items(path):
        again = to_json(from_json(item))
        assert {key: again.get(key) for key in item} == item


def test_the_header_of_v1_is_read() -> None:
    header, entries = read_journal(V1)
    assert header is not None
    assert header["schema"] == 1
    assert header["params"] == {"scheduler": "asha_promotion", "searcher": "random"}
    assert len(entries) == 28


def test_v1_folds_to_its_totals() -> None:
    table = folded(read_journal(V1)[1])
    assert (table.units, table.failed, table.at_s) == (8, 1, 10.5)
    assert table.ended == [1, 2, 3]
    assert table.closed is not None
    assert (table.closed.finished, table.closed.reason) == (True, "all trials ended")
    assert table.best is not None
    assert (table.best.trial_id, table.best.resource, table.best.loss) == (3, 3, 70.5)


@pytest.mark.parametrize(
    ("trial_id", "state", "level", "attempts", "attempts_of", "saved", "repeated"),
    [
        (0, TrialState.PAUSED, 3, 4, [0, 1, 3], 3, 2),
        (1, TrialState.STOPPED, 1, 1, [0], 0, 0),
        (2, TrialState.FAILED, 1, 2, [1], 0, 0),
        # A copy from level 3 that began from scratch: three levels were run again.
        (3, TrialState.COMPLETED, 3, 1, [0, 0], 0, 3),
    ],
)
def test_v1_folds_to_its_trials(
    trial_id: int,
    state: TrialState,
    level: int,
    attempts: int,
    attempts_of: list[int],
    saved: int,
    repeated: int,
) -> None:
    trial = folded(read_journal(V1)[1]).trials[TrialId(trial_id)]
    assert (trial.state, trial.level, trial.attempts) == (state, level, attempts)
    assert (trial.attempts_of, trial.saved, trial.repeated) == (attempts_of, saved, repeated)


def test_v1_keeps_configs_reasons_remarks_and_references() -> None:
    trials = folded(read_journal(V1)[1]).trials
    first = trials[TrialId(0)]
    assert first.config == {
        "lr": 7.0710678118654755,
        "batch_size": 64,
        "tied": True,
        "optimiser": "sgd",
        "clip": None,
    }
    assert (first.until, first.retries, first.resumed) == (3, 1, 1)
    assert first.reason == "signal 9 (SIGKILL)"
    assert first.remarks == ["REJECTED: checkpoint of level 2: model.pt has another sha256"]
    assert trials[TrialId(1)].config["optimiser"] == "ädam"
    assert trials[TrialId(2)].reason == "exit code 1: out of memory"
    sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    assert trials[TrialId(3)].checkpoint == CheckpointRef(
        trial_id=TrialId(0), level=3, sha256=sha256
    )


def test_v1_keeps_numbers_that_are_not_finite_apart_from_text() -> None:
    reports = [e.event.report for e in read_journal(V1)[1] if isinstance(e.event, Reported)]
    diverged = reports[1]
    assert str(diverged.loss) == "nan"
    assert [str(diverged.metrics[key]) for key in ("objective", "gradient", "drift")] == [
        "nan",
        "inf",
        "-inf",
    ]
    assert diverged.metrics["text"] == "nan"
    assert isinstance(diverged.metrics["objective"], float)
