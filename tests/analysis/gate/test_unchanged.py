"""Commits that change nothing never alarm: a sample of perf/gate_unchanged.py."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

PERF = Path(__file__).resolve().parents[3] / "perf"


@pytest.mark.slow
def test_a_commit_that_changes_nothing_passes_by_its_fingerprint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(PERF))
    assert import_module("gate_unchanged").counted(2) == {"passed": 2}
