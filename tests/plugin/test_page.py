from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_synebench.plugin.session import page

Go = Callable[..., pytest.RunResult]
BASE = ("--synebench", "toy", "--variant", "base")


@pytest.fixture
def installed() -> None:
    for name in ("plotly", "jinja2"):
        pytest.importorskip(name, reason="needs the extra 'report'")


def rows(text: str) -> list[str]:
    """Return the run ids in the table of runs."""
    table = text[text.index('id="runs-table"') : text.index('id="trials-table"')]
    return re.findall(r'<td>base-fifo-random</td>\s*<td class="n">(\d+)</td>', table)


def test_the_page_is_of_the_runs_of_this_session(go: Go, toy: Path, installed: None) -> None:
    go(*BASE, "--run_id", "5")
    result = go(*BASE, "--run_id", "1,2", "--synebench-html", "out/report.html")
    assert result.ret == 0
    file = toy / "out" / "report.html"
    result.stdout.fnmatch_lines([f"page: {file}"])
    assert rows(file.read_text(encoding="utf-8")) == ["1", "2"]


def test_the_page_has_the_verdict_of_this_session(go: Go, toy: Path, installed: None) -> None:
    go(*BASE, "--num_runs", "6", "--synebench-save", "main")
    result = go(*BASE, "--synebench-compare", "main", "--synebench-html=report.html")
    assert result.ret == 0
    text = (toy / "report.html").read_text(encoding="utf-8")
    assert 'class="judgement PASS"' in text
    go(*BASE, "--synebench-html=report.html")
    assert "judgement PASS" not in (toy / "report.html").read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_is_said_and_changes_no_verdict(
    go: Go, toy: Path, installed: None
) -> None:
    (toy / "file").write_text("")
    result = go(*BASE, "--synebench-html=file/report.html")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["--synebench-html: *file/report.html cannot be written: *"])


def test_what_cannot_be_is_refused_before_anything_runs(
    go: Go, toy: Path, installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = go(*BASE, f"--synebench-html={toy}")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*is a directory; name a file, as report.html"])
    monkeypatch.setattr(page, "_NEEDED", ("no_such_module",))
    result = go(*BASE, "--synebench-html=report.html")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*needs no_such_module: pip install 'pytest-synebench[[]report]'"])
    assert not (toy / ".synebench").exists()


def test_without_an_experiment_there_is_no_page(go: Go, toy: Path) -> None:
    assert go("--synebench-html=report.html").ret == 4
