"""Commits, told and checked out beside the user's files."""

from __future__ import annotations

from pathlib import Path

import pytest
from gate_story import git

from pytest_synebench.plugin.gate.commits import NotThereError, checked_out, head, top


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with two commits, whose hooks would leave a trace."""
    folder = tmp_path / "a repository"
    (folder / "below").mkdir(parents=True)
    git(folder, "init", "-q")
    hook = folder / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch '{tmp_path}/hooked'\n")
    hook.chmod(0o755)
    for text in ("one", "two"):
        (folder / "below" / "file").write_text(text)
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", text)
    return folder


def test_a_commit_is_told_where_the_files_are_its_own(repository: Path, tmp_path: Path) -> None:
    assert len(head(repository)) == 40
    assert head(repository / "below") == head(repository)
    (repository / "untracked").touch()
    assert head(repository), "a new file is no change of it"
    (repository / "below" / "file").write_text("three")
    assert head(repository) == ""
    assert head(tmp_path) == "", "in no repository there is none"


def test_an_older_commit_is_beside_and_nothing_is_left(repository: Path, tmp_path: Path) -> None:
    newest = head(repository)
    git(repository, "checkout", "-q", "HEAD~1")
    (tmp_path / "hooked").unlink()
    assert top(repository / "below").resolve() == repository.resolve()
    with checked_out(repository / "below", newest) as tree:
        assert (tree / "below" / "file").read_text() == "two"
        assert (repository / "below" / "file").read_text() == "one"
    assert not tree.parent.exists()
    assert not list((repository / ".git").glob("worktrees/*"))
    assert not (tmp_path / "hooked").exists(), "no hook has run"


@pytest.mark.parametrize(
    ("sha", "text"),
    [
        ("", "the baseline names no commit"),
        ("--upload-pack=x", "the baseline names no commit"),
        ("HEAD", "the baseline names no commit"),
        ("a" * 40, r"does not have its commit aaaaaaaaaaaa; fetch it \(fetch-depth: 0"),
    ],
)
def test_what_is_not_there_is_said(repository: Path, sha: str, text: str) -> None:
    with pytest.raises(NotThereError, match=text), checked_out(repository, sha):
        pass


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert head(tmp_path) == ""
    with pytest.raises(NotThereError, match="git cannot be run"):
        top(tmp_path)
