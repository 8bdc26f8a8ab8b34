from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pytest_synebench.experiment.store.provenance import commit

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder: Path, *words: str) -> str:
    me = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", "-C", str(folder), *me, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def anew() -> None:
    commit.cache_clear()


@needs_git
def test_a_run_is_of_the_commit_at_hand_and_what_differs_is_told(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert commit(tmp_path) == "", "nothing is committed yet"
    commit.cache_clear()
    (tmp_path / "train.py").write_text("1")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    git(tmp_path, "tag", "-a", "v1", "-m", "v1")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert commit(tmp_path) == head
    commit.cache_clear()
    (tmp_path / "train.py").write_text("2")
    assert commit(tmp_path) == f"{head}-dirty"


def test_outside_of_a_repository_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert commit(tmp_path / "missing") == ""
    commit.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit(tmp_path) == ""
