"""A run's journal, read again, must tell what the run told."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.durable import read_lines
from pytest_synebench.experiment.assembly import build_scheduler
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.plugin.nodes import items as items_module
from pytest_synebench.plugin.nodes import replayed
from pytest_synebench.plugin.nodes.replayed import difference
from pytest_synebench.schedulers.protocol import Scheduler

from .conftest import Go

ONE = ("--synebench", "toy", "--variant", "base", "--behave", "2:nan")


@pytest.fixture
def run(go: Go, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A run that is over, as its sound item saw it."""
    seen: list[Any] = []

    def keep(run: Any, *, audit: bool) -> list[str]:
        seen.append(run)
        return []

    monkeypatch.setattr(items_module, "unsound", keep)
    go(*ONE).assert_outcomes(passed=6)
    return seen[0]


def test_an_untouched_journal_agrees(run: Any) -> None:
    assert difference(run, audit=False) == ""
    assert difference(run, audit=True) == ""


def test_a_journal_that_lost_its_end_is_noticed(run: Any) -> None:
    path: Path = run.directory / "journal.jsonl"
    entries, _ = read_lines(path.read_bytes(), "journal")
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == len(entries)
    path.write_bytes(b"".join(lines[: len(lines) // 2]))
    assert difference(run, audit=False) != ""


def test_a_journal_that_tells_another_end_of_a_trial_is_noticed(run: Any) -> None:
    path: Path = run.directory / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    ends = [line for line in lines if b'"ended"' in line]
    path.write_bytes(b"".join(line for line in lines if line is not ends[-1]))
    assert "is TrialRecord(" in difference(run, audit=False)


def test_a_missing_journal_is_noticed(run: Any) -> None:
    (run.directory / "journal.jsonl").unlink()
    assert "No such file" in difference(run, audit=False)


def test_audit_notices_what_would_be_decided_otherwise(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_seed(plan: Plan) -> tuple[Scheduler, None]:
        return build_scheduler(dataclasses.replace(plan, run_id=7)), None

    monkeypatch.setattr(replayed, "build_asking", other_seed)
    assert "the scheduler decided" in difference(run, audit=True)


def test_audit_decides_again(go: Go) -> None:
    go(*ONE, "--audit").assert_outcomes(passed=6)


def test_a_difference_makes_the_experiment_unsound(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items_module, "difference", lambda *_, **__: "line 3 differs")
    result = go(*ONE)
    result.stdout.fnmatch_lines(["- its journal does not tell the same: line 3 differs"])
