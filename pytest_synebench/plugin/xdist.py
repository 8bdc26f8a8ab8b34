"""Under pytest-xdist: an experiment stays on one worker, and its summary reaches the controller.

Invariants (tests/plugin/test_xdist.py):
- every item of an experiment runs on the same worker, whatever ``--dist`` says but ``each``;
- the controller's summary has each experiment once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from pytest_synebench.plugin import placing
from pytest_synebench.plugin.nodes import ledger
from pytest_synebench.plugin.nodes.experiment import SUMMARIES

OFFSET = pytest.StashKey[int]()  #: the seed offset that was drawn, if one was
_KEY = "synebench"
_LEDGER = "synebench-ledger"


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")


def owns_loop(config: pytest.Config) -> bool:
    """Whether pytest-xdist decides which item is next: in its workers and in their controller."""
    return is_worker(config) or config.pluginmanager.hasplugin("dsession")


def configure(config: pytest.Config) -> None:
    """Register the hooks that pytest-xdist has, where it is installed."""
    if is_worker(config):
        told: dict[str, Any] = config.workerinput  # type: ignore[attr-defined] # xdist's
        config.stash[ledger.FOLDER] = Path(told[_LEDGER])
        config.pluginmanager.register(Worker(config), "synebench-worker")
    elif config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(Controller(config), "synebench-controller")


def told_offset(config: pytest.Config) -> int | None:
    """Return the seed offset that this worker's controller drew, or None."""
    told: dict[str, Any] = getattr(config, "workerinput", {})
    return told.get(_KEY)


class Worker:
    """Sends summaries home when the worker ends."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Leave the summaries where pytest-xdist fetches them."""
        summaries = self._config.stash.get(SUMMARIES, [])
        self._config.workeroutput[_KEY] = summaries  # type: ignore[attr-defined] # xdist's


class Controller:
    """Schedules whole experiments, and takes summaries in."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._ledger = TemporaryDirectory(prefix="synebench-")
        config.add_cleanup(self._ledger.cleanup)

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Callable[..., Any]) -> object:
        """Return a scheduler whose unit of work is an experiment, or a single ordinary test."""
        if config.getvalue("dist") == "each":
            return None
        return scheduling()(config, log)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker the seed offset that was drawn: they all have the same."""
        node.workerinput[_KEY] = self._config.stash.get(OFFSET, None)
        node.workerinput[_LEDGER] = self._ledger.name

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take the summaries of a worker that has ended."""
        output = getattr(node, "workeroutput", None) or {}
        self._config.stash.setdefault(SUMMARIES, []).extend(output.get(_KEY, ()))


def scheduling() -> Any:
    """Return the class of a scheduler that never splits an experiment, and has gates last."""
    from xdist.scheduler.loadscope import LoadScopeScheduling

    class ExperimentScheduling(placing.Placing, LoadScopeScheduling):  # type: ignore[misc] # untyped
        pass

    return ExperimentScheduling
