"""The ledger of runs that a session has made."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_synebench.plugin.nodes import ledger


def config(folder: Path | None = None) -> Any:
    stash = pytest.Stash()
    if folder is not None:
        stash[ledger.FOLDER] = folder
    return SimpleNamespace(stash=stash)


def test_what_was_noted_is_found_and_nothing_else(tmp_path: Path) -> None:
    one = config()
    ledger.note(one, "toy::a-r0", tmp_path)
    assert ledger.find(one, "toy::a-r0") == tmp_path
    assert ledger.find(one, "toy::a-r1") is None
    assert ledger.find(config(), "toy::a-r0") is None


def test_workers_share_what_they_note(tmp_path: Path) -> None:
    ledger.note(config(tmp_path), "toy::a/é-r0", tmp_path / "run")
    assert ledger.find(config(tmp_path), "toy::a/é-r0") == tmp_path / "run"
    assert ledger.find(config(tmp_path), "toy::b-r0") is None
