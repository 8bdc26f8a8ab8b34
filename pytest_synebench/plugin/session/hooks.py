"""What pytest calls in a session with experiments; registered only in such a one."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.backends.local.machine import this_machine
from pytest_synebench.plugin import compat, xdist
from pytest_synebench.plugin.choice.command_line import CHOSEN, CONFLICTS
from pytest_synebench.plugin.gate import nodes as gates
from pytest_synebench.plugin.gate import telling
from pytest_synebench.plugin.nodes import collect
from pytest_synebench.plugin.nodes.experiment import PROGRESS
from pytest_synebench.plugin.nodes.items import TrialItem
from pytest_synebench.plugin.session import (
    outcome,
    page,
    picking,
    runloop,
    start,
    summary,
    termination,
)
from pytest_synebench.plugin.session.progress import Progress


def pytest_configure(config: pytest.Config) -> None:
    """Check what the user typed, and settle where collection begins."""
    with compat.translated():
        start.check(config)
    if _alone(config) and config.stash[CHOSEN]:
        # Not testpaths: the experiments take the place of the test suite.
        config.args = list(dict.fromkeys(str(home) for home in collect.homes(config).values()))
    xdist.configure(config)


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """``--synebench-list``: print, and be done."""
    if not config.option.synebench_list or config.option.help:
        return None
    return summary.print_benchmarks(config)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is run, and which options it could not have."""
    chosen = config.stash[CHOSEN]
    lines = ["synebench: " + ", ".join(chosen)]
    if start.OFFSET in config.stash:
        lines.append(f"synebench: random_seed_offset {config.stash[start.OFFSET]}, drawn")
    lines += [f"synebench: {why}" for why in start.fewer_workers(config, this_machine())]
    lines += [
        f"synebench: --{key} belongs to another plugin here; use --synebench-set {key}=VALUE"
        for key in config.stash[CONFLICTS]
    ]
    return lines


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the test suite alone where experiments are run without naming a path."""
    if not _alone(config):
        return None
    homes = [Path(arg) for arg in config.args]
    return None if any(collection_path in (h, *h.parents) for h in homes) else True


def _alone(config: pytest.Config) -> bool:
    return config.args_source is not config.ArgsSource.ARGS


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Hang the chosen benchmarks into the tree."""
    report = yield
    if isinstance(collector, pytest.Session) and report.passed and report.result is not None:
        found = list(report.result)
        report.result += collect.entries(collector, found) + gates.entries(collector, found)
    return report


def pytest_sessionstart(session: pytest.Session) -> None:
    """Register what must come after every plugin's ordering of items, and the live line."""
    session.config.pluginmanager.register(picking.Regroup(), "synebench-regroup")
    if not xdist.is_worker(session.config):
        termination.install(session.config)
        telling.register(session.config)
        session.config.stash[PROGRESS] = Progress(session.config)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run trials in the order in which they end, where the loop is this process's own."""
    config = session.config
    broken = session.testsfailed and not config.option.continue_on_collection_errors
    if broken or config.option.collectonly or xdist.owns_loop(config):
        return None
    return runloop.run(session)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give a trial's report the trial's own time and outcome."""
    report = yield
    if isinstance(item, TrialItem) and call.when == "call":
        outcome.describe(item, report)
    return report


def pytest_report_teststatus(report: Any) -> outcome.Status | None:
    """Show how a trial ended: COMPLETED@9 0.4288."""
    return outcome.status(report)


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: Any,
    exitstatus: int,
    config: pytest.Config,
) -> None:
    """Show what each experiment found, and how to go on with what is not over."""
    if not xdist.is_worker(config):
        broken = exitstatus == pytest.ExitCode.INTERRUPTED and not terminalreporter.stats.get(
            "error"
        )
        summary.show(terminalreporter, config, interrupted=broken)
        page.write(terminalreporter, config)
