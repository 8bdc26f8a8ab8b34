"""A red gate looks at fresh runs of its base commit: a session of its own, with real trials."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gate_story import COMPARE, Go, git, reported, save


@pytest.fixture
def repository(toy: Path) -> Path:
    """The user's repository in git."""
    git(toy, "init", "-q")
    git(toy, "add", "conftest.py", "train.py", "tox.ini")
    git(toy, "commit", "-q", "-m", "base")
    return toy


def test_an_alarm_is_confirmed_on_the_base_commit(
    go: Go, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(go)
    data = json.loads((repository / ".synebench/baselines/main.json").read_bytes())
    assert len(data["setups"]["toy::base-fifo-random"]["commit"]) == 40
    reported(monkeypatch, lambda loss: loss + 1.0)
    result = go(*COMPARE)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "FAIL: toy::base-fifo-random: worse: final, area",
            "  confirmed: final, area worse than in 10 fresh runs of the base commit * as well",
        ]
    )
    assert not list((repository / ".git").glob("worktrees/*"))
    runs = repository.glob(".synebench/runs/toy/*/r*")
    assert len(list(runs)) == 10 + 2 + 1 + 15, "none of them is the base commit's"


@pytest.mark.slow
def test_an_alarm_that_fresh_runs_do_not_bear_out_is_taken_back(
    go: Go, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is saved in memory is far better than what the commit's script gives.
    script = repository / "train.py"
    script.write_text(script.read_text().replace("+ 1 / epoch)", "+ 1 / epoch + 9)"))
    git(repository, "commit", "-q", "-a", "-m", "base")
    save(go)
    reported(monkeypatch, lambda loss: loss + 1.0)
    result = go(*COMPARE)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["INCONCLUSIVE: *: worse than the baseline, but not than 10 fresh runs of the base *"]
    )


def test_why_an_alarm_is_not_confirmed_is_said(
    go: Go, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(go)
    reported(monkeypatch, lambda loss: loss + 1.0)
    result = go(*COMPARE)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["  not confirmed on the base commit: git rev-parse: fatal: *"])
    for quiet in (("--synebench-confirm", "no"), ("--synebench-gate", "sensitive")):
        again = go(*COMPARE, *quiet)
        assert again.ret == pytest.ExitCode.TESTS_FAILED
        again.stdout.no_fnmatch_line("*not confirmed*")


def test_a_base_commit_that_cannot_run_is_said(
    go: Go, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(repository, "rm", "-q", "--cached", "conftest.py")
    git(repository, "commit", "-q", "-m", "without its benchmark")
    save(go)
    reported(monkeypatch, lambda loss: loss + 1.0)
    result = go(*COMPARE)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["  not confirmed on the base commit: its session ended with 4: *"])
