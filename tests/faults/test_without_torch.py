"""A machine without torch: the plugin loads, and the shipped benchmark says what to install."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_project import run_bounded
from toy_project import until_gone

TINY = ("--synebench=lstm_wikitext2", "--variant=tiny")


@pytest.fixture
def without_torch(tmp_path: Path) -> dict[str, str]:
    hiding = tmp_path / "hiding"
    hiding.mkdir()
    (hiding / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\")\n")
    return {"PYTHONPATH": str(hiding)}


def test_the_first_trial_says_what_to_install(
    tmp_path: Path, without_torch: dict[str, str]
) -> None:
    done = run_bounded(tmp_path, *TINY, "--num_workers=1", "-v", extra=without_torch)

    assert done.returncode == 1, done.stdout + done.stderr
    told = "lstm_wikitext2 needs torch, which is not installed: pip install 'pytest-synebench[tor"
    assert f"trial 0 failed at level 0, attempt 1: exit code 1\n{told}" in done.stdout
    assert "Traceback" not in done.stdout
    assert until_gone(tmp_path) == []


def test_collecting_and_listing_need_no_torch(
    tmp_path: Path, without_torch: dict[str, str]
) -> None:
    collected = run_bounded(tmp_path, *TINY, "--collect-only", "-q", extra=without_torch)
    assert collected.returncode == 0, collected.stdout + collected.stderr
    assert "6 tests collected" in collected.stdout
