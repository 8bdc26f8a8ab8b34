"""What a session says about gates at its end, and the baseline it leaves.

The process that pytest reports in does this: under pytest-xdist the controller, which knows
verdicts from the reports alone.

Invariants (tests/plugin/gate/test_story.py):
- where a comparison is asked for and none was made, the session is red;
- a baseline is saved by a green session only, and what it has is moved only with a reason.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.analysis.baselines import make_entry, save
from pytest_synebench.analysis.gate.engine import Suite, judge_suite
from pytest_synebench.analysis.gate.report import next_steps, suite_lines
from pytest_synebench.analysis.gate.rules import FEW_BASELINE_RUNS
from pytest_synebench.analysis.tolerances import in_units
from pytest_synebench.errors import SynebenchError, UsageError
from pytest_synebench.experiment.store.results import RunRecord, load_runs
from pytest_synebench.plugin.gate.ask import Asked, asked
from pytest_synebench.plugin.gate.commits import head
from pytest_synebench.plugin.gate.publishing import publish
from pytest_synebench.plugin.nodes.experiment import SUMMARIES, Experiment

TELLER = "synebench-teller"  #: name of the plugin
SUITE = "synebench::gate::suite"
NOTHING = "nothing was compared: no gate has run"


class Teller:
    """Follows the reports of gates."""

    def __init__(self, config: pytest.Config, what: Asked) -> None:
        self._config, self._what = config, what
        self._told: dict[str, tuple[str, str]] = {}  #: verdict and text, by node id
        self._skipped = False
        self._own: pytest.TestReport | None = None  #: being told, for a node that did not run
        self.lines: list[str] = []  #: on the baseline

    @property
    def is_over(self) -> bool:
        """Whether the verdict on all setups was reached in this session."""
        return SUITE in self._told

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a verdict."""
        if not report.nodeid.startswith("synebench::gate::"):
            return
        self._skipped |= report.outcome == "skipped"
        told = dict(report.user_properties)
        if report.when == "call" and "verdict" in told:
            self._told[report.nodeid] = (str(told["verdict"]), str(told["gate"]))

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Count what is reported for a node that did not run, without a letter among the others."""
        return ("failed", "", "") if report is self._own else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Save the baseline, or be red where nothing was compared."""
        if session.config.option.collectonly or session.exitstatus == pytest.ExitCode.INTERRUPTED:
            return
        if self._what.compare and not self._told and not self._skipped:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            self._report(NOTHING)
        if self._what.save:
            self._save(session)

    def _report(self, reason: str) -> None:
        """Report the verdict on all setups where its own node did not run."""
        verdict = judge_suite([], Suite(rule=self._what.rule, setups=0), self._what.compare)
        verdict = replace(verdict, reason=reason)
        publish(self._config, verdict)
        text = "\n".join(suite_lines(verdict))
        told = pytest.TestReport(
            nodeid=SUITE,
            location=("", None, "gate::suite"),
            keywords={},
            outcome="failed",
            longrepr=text,
            when="call",
            user_properties=[("verdict", verdict.verdict.value), ("gate", text)],
        )
        self._own = told
        self._config.hook.pytest_runtest_logreport(report=told)
        self._own = None

    def _save(self, session: pytest.Session) -> None:
        name = self._what.save
        if session.exitstatus:
            self.lines.append(f"baseline {name} was not saved: the session is red")
            return
        by_setup: dict[str, list[RunRecord]] = {}
        for summary in self._config.stash.get(SUMMARIES, []):
            [run] = load_runs(summary["directory"])
            key = f"{run.metadata['benchmark']}::{run.metadata['setup']}"
            by_setup.setdefault(key, []).append(run)
        made, commit = {}, head(self._config.invocation_params.dir)
        for key, runs in sorted(by_setup.items()):
            old = self._what.entries.get(key)
            reasons = list(old.data["accepted"]) if old else []
            accepted = [*reasons, self._what.accept] if old else reasons
            try:
                made[key] = make_entry(runs, accepted, commit=commit)
            except SynebenchError as error:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
                self.lines.append(f"baseline {name} was not saved: {error}")
                return
            few = f"; fewer than {FEW_BASELINE_RUNS} see little" * (len(runs) < FEW_BASELINE_RUNS)
            self.lines.append(f"baseline {name}: {key}, {len(runs)} runs{few}")
        everything = {**self._what.entries, **made}
        for key, entry in made.items():
            try:
                in_units(entry.tolerance, entry, everything, key)
            except UsageError as error:
                self.lines.append(str(error))
        save(self._what.path, made)
        self.lines.append(f"saved: {self._what.path}; commit it")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Show the verdicts."""
        terminalreporter.section("synebench gate", "-")
        for verdict, text in self._told.values():
            colour = {"PASS": "green", "INCONCLUSIVE": "yellow"}.get(verdict, "red")
            shown = text if verdict == "INCONCLUSIVE" else text.split("\n")[0]
            terminalreporter.write_line(shown, **{colour: True})
            if os.environ.get("GITHUB_ACTIONS") == "true" and colour != "green":
                kind = "warning" if colour == "yellow" else "error"
                terminalreporter.write_line(f"::{kind} title=synebench gate::{_escaped(text)}")
        for line in self.lines:
            terminalreporter.write_line(line)
        if self._what.compare and self._told:
            for step in next_steps((one for one, _ in self._told.values()), self._what.compare):
                terminalreporter.write_line(step)
            page = Path(self._what.path.parent.parent, "gates", f"{self._what.compare}.md")
            terminalreporter.write_line(f"as Markdown: {page}")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def register(config: pytest.Config) -> None:
    """Follow the session, where something is asked."""
    what = asked(config)
    if what is not None:
        config.pluginmanager.register(Teller(config, what), TELLER)


def refuse_moving(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse to overwrite what a baseline has, unless a reason is given.

    Raises:
        pytest.UsageError: with the setups, and both ways out.
    """
    what = asked(config)
    if what is None or not what.save or what.accept:
        return
    setups = {
        f"{item.parent.selection.benchmark}::{item.parent.name.rpartition('-r')[0]}"
        for item in items
        if isinstance(item.parent, Experiment)
    }
    if pinned := sorted(setups & set(what.entries)):
        raise pytest.UsageError(
            f"the baseline {what.save} has {', '.join(pinned)} already, and is pinned: a baseline "
            "that moves with every change lets many small losses through. To move it on purpose "
            "add --synebench-accept REASON; or save under another name"
        )
