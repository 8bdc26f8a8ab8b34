"""One experiment in the tree: it owns the run, and is what its items wait on.

The run advances only while somebody waits: no thread, so that Ctrl-C, time-outs and ``-x`` arrive
at a known place in the main thread.

Invariants (tests/plugin/test_items.py, tests/plugin/test_interrupt.py):
- when the node is torn down, whatever the reason, no process of its run is left;
- a second Ctrl-C or SIGTERM while attempts end politely forces them, and shows the summary as ever
  (tests/faults/test_interrupted_twice.py);
- what cannot be launched is one error, and a skip with that reason for every other item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.backends.supervision.nursery import Nursery
from pytest_synebench.definition import Benchmark
from pytest_synebench.errors import SynebenchError
from pytest_synebench.experiment import reevaluation
from pytest_synebench.experiment.assembly import Site, as_it_is
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.run import Run
from pytest_synebench.plugin.choice.selection import Selection, typed_of
from pytest_synebench.plugin.gate.ask import asked
from pytest_synebench.plugin.nodes import ledger
from pytest_synebench.plugin.session import cloud
from pytest_synebench.plugin.session.progress import Progress
from pytest_synebench.plugin.session.termination import EXIT_CODE

open_run = Run.open  #: looked up late: tests put another one here
SUMMARIES = pytest.StashKey[list[dict[str, Any]]]()
PROGRESS = pytest.StashKey[Progress]()
_NURSERY = pytest.StashKey[Nursery]()
_ITEMS_AT_MOST = 1000
_PUMP_S = 0.2


def nursery(config: pytest.Config) -> Nursery:
    """Return the session's supervisors, which its experiments share."""
    if _NURSERY not in config.stash:
        config.stash[_NURSERY] = Nursery()
        config.add_cleanup(config.stash[_NURSERY].close)
    return config.stash[_NURSERY]


def storage(config: pytest.Config) -> Path:
    """Return the directory of runs and baselines."""
    return Path(config.rootpath, config.option.synebench_storage or ".synebench")


def opened(
    config: pytest.Config, plan: Plan, *, anew: bool = False, root: Path | None = None
) -> Run:
    """Open the run of a plan, as the session's options say.

    Args:
        config: of the session.
        plan: what to run.
        anew: whether it is a new run whatever there is to go on with.
        root: the directory of runs; None: the session's.

    Raises:
        SynebenchError: it cannot be launched.
    """
    if config.option.synebench_attach:
        from pytest_synebench.plugin.remote import attaching

        return attaching.followed(config, plan, storage(config))
    cloud.prepare(config, plan)
    return open_run(
        plan,
        root=root or storage(config),
        resume=config.option.synebench_resume and not anew,
        takeover=config.option.synebench_takeover and not anew,
        audit=typed_of(config).audit,
        site=Site(
            nursery=nursery(config),
            directory=config.invocation_params.dir,
            wrap=config.stash.get(cloud.INSIDE, as_it_is),
        ),
    )


def made(
    config: pytest.Config, plan: Plan, what: str, *, anew: bool = False, root: Path | None = None
) -> Path:
    """Run a plan to its end, for a node that has no items of its own; return its directory.

    Args:
        config: of the session.
        plan: what to run.
        what: to call it on the live line.
        anew: whether it is a new run whatever there is to go on with.
        root: the directory of runs; None: the session's.

    Raises:
        SynebenchError: it cannot be launched, or breaks.
    """
    run = opened(config, plan, anew=anew, root=root)
    progress = config.stash.get(PROGRESS, None)
    try:
        while not run.done:
            run.pump(_PUMP_S)
            if progress is not None:
                progress.tick(f"{what}: {plan.name}", run.status)
    finally:
        run.close()
        if progress is not None:
            progress.clear()
    return run.directory


def judged_anew(
    config: pytest.Config, plan: Plan, directory: Path, times: int, say: Callable[[str], None]
) -> None:
    """Train the best config of a run so many times anew, unless it was."""

    def make(one: Plan, root: Path) -> Path:
        return made(config, one, "anew", root=root)

    reevaluation.reevaluate(plan, directory, times, make=make, say=say)


class Experiment(pytest.Collector):
    """``<variant>-<scheduler>-<searcher>[-key=value…]-r<run_id>``."""

    def __init__(
        self,
        prototype: pytest.Function,
        selection: Selection,
        variant: str,
        run_id: int,
        where: str,
        make_items: Callable[[Experiment], Iterator[pytest.Item]],
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.make_items = make_items
        self.prototype = prototype
        self.selection = selection
        self.variant = variant
        self.run_id = run_id
        self.run: Run | None = None
        self.error = ""  #: why it cannot go on
        self.told = False  #: whether an item has reported that
        self.where = where
        params = selection.params
        self.add_marker(
            pytest.mark.synebench(
                benchmark=selection.benchmark,
                variant=selection.variant,
                scheduler=params["scheduler"],
                searcher=params["searcher"],
                run_id=run_id,
            )
        )

    @property
    def title(self) -> str:
        """``<benchmark>::<experiment>``."""
        return f"{self.selection.benchmark}::{self.name}"

    @property
    def num_trials(self) -> int:
        """Trials it may start, at most."""
        return int(self.selection.params["num_trials"])

    @property
    def one_item(self) -> bool:
        """Whether one item stands for all of its trials."""
        asked = self.config.option.synebench_items
        return asked == "experiment" or (asked == "auto" and self.num_trials > _ITEMS_AT_MOST)

    def collect(self) -> Iterator[pytest.Item]:
        """Yield launch, the trials, sound."""
        return self.make_items(self)

    @property
    def is_saved(self) -> bool:
        """Whether it becomes a part of a baseline."""
        what = asked(self.config)
        return what is not None and bool(what.save)

    def plan(self, definition: Benchmark) -> Plan:
        """Return what it is to run, now that its fixture has returned the definition."""
        return Plan(
            benchmark=self.selection.benchmark,
            variant=self.variant,
            params=self.selection.params,
            definition=definition,
            run_id=self.run_id,
            listed=self.selection.listed,
            where=self.where,
        )

    # -- while it runs ---------------------------------------------------------------------------

    def open(self, definition: Benchmark) -> None:
        """Open its run, unless it is open.

        Raises:
            SynebenchError: it cannot be launched; kept in ``error`` as well.
        """
        if self.run is not None:
            return
        plan = self.plan(definition)
        if self.is_saved:
            reevaluation.check(plan)
        self.run = opened(self.config, plan)

    def pump(self) -> None:
        """Let the run advance for a moment; what breaks it is kept in ``error``."""
        if self.run is None or self.run.done:
            return
        try:
            self.run.pump(_PUMP_S)
        except SynebenchError as error:
            self.error = str(error)
        progress = self.config.stash.get(PROGRESS, None)
        if progress is not None:
            progress.tick(self.title, self.run.status)

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds, or nothing more can happen."""
        run = self.run
        while run is not None and not run.done and not self.error and not condition():
            self.pump()
            self._mind_maxfail(run)
        self.clear_progress()

    def clear_progress(self) -> None:
        """Erase the live line: something else is about to be written."""
        progress = self.config.stash.get(PROGRESS, None)
        if progress is not None:
            progress.clear()

    def _mind_maxfail(self, run: Run) -> None:
        """With ``-x`` a failure that is not waited for must end the waiting all the same."""
        if self.config.getvalue("maxfail") == 1 and run.table.failed:
            run.interrupt("a trial failed, and -x is given")

    def teardown(self) -> None:
        """End the run if it is not over, and keep its summary."""
        if self.run is None:
            return
        run, self.run = self.run, None
        self.clear_progress()
        try:
            run.close()
        except (KeyboardInterrupt, pytest.exit.Exception):
            # The second one, or it is news to pytest: attempts were forced, and the summary is due.
            if self.session.exitstatus not in (pytest.ExitCode.INTERRUPTED, EXIT_CODE):
                raise
        summary = run.summary().plain()
        summary["remarks"] = [*run.plan.warnings, *summary["remarks"]]
        self.config.stash.setdefault(SUMMARIES, []).append(summary)
        ledger.note(self.config, self.title, run.directory)
