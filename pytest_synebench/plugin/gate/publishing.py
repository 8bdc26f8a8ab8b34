"""Where a verdict goes beside the terminal: files of its own, and the summary page of a CI job.

Invariants (tests/plugin/gate/test_story.py):
- equal verdicts leave equal files;
- what is on the summary page already stays there.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_synebench.analysis.gate import report
from pytest_synebench.analysis.gate.verdicts import SuiteJudgement
from pytest_synebench.durable import replace_file
from pytest_synebench.plugin.nodes.experiment import storage


def publish(config: pytest.Config, verdict: SuiteJudgement) -> None:
    """Write a verdict as JSON and Markdown, and to ``$GITHUB_STEP_SUMMARY`` where that is set."""
    directory = storage(config) / "gates"
    directory.mkdir(parents=True, exist_ok=True)
    replace_file(directory / f"{verdict.baseline}.json", verdict.to_json().encode())
    steps = report.next_steps((one.verdict.value for one in verdict.judgements), verdict.baseline)
    page = report.markdown(verdict, steps)
    replace_file(directory / f"{verdict.baseline}.md", page.encode())
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(page)
