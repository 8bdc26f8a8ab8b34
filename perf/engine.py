"""Our own driver: one experiment through ``Run``, without pytest; same options as the peers'.

``--launch warm|cold`` is the parameter of that name. A latency ends where the peers' ends, when the
scheduler has decided; ``on_disk_s`` when the decision stands in the journal, fsynced.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

from peers.outcome import Outcome, arguments

from pytest_synebench import Benchmark
from pytest_synebench.events import Decision, Event, Note, Reported
from pytest_synebench.experiment.journal.journal import Journal
from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.run import Run
from pytest_synebench.space import loguniform, uniform


def make_plan(script: Path, space: dict[str, Any], **params: Any) -> Plan:
    """Return the plan of a benchmark that has this script."""
    definition = Benchmark(
        script=script,
        config_space={"x": uniform(0, 1), **space},
        metric="loss",
        resource_attr="epoch",
        max_resource_attr="epochs",
        points_to_evaluate=[],
    )
    defaults = {name: parameter.default for name, parameter in GLOBALS.items()}
    return Plan(benchmark="perf", variant="one", params=defaults | params, definition=definition)


def watch(outcome: Outcome) -> None:
    """Have each report noted when it has been decided about, and when that is on disk.

    What ``sync`` makes durable is all that was appended before it: it may be many reports.
    """
    append, sync = Journal.append, Journal.sync
    on_disk_s: list[float] = []
    appended_s: list[float] = []  #: when those were sent that no sync has made durable yet
    outcome.more["on_disk_s"] = on_disk_s

    def watched(
        journal: Journal, event: Event | Note, decisions: tuple[Decision, ...] = ()
    ) -> None:
        if isinstance(event, Reported):
            sent_s = float(event.report.metrics["at"] or 0)
            outcome.decided(sent_s)
            appended_s.append(sent_s)
        append(journal, event, decisions)

    def synced(journal: Journal, *, last: bool = False) -> None:
        sync(journal, last=last)
        now_s = time.monotonic()
        on_disk_s.extend(round(now_s - sent_s, 7) for sent_s in appended_s)
        appended_s.clear()

    Journal.append = watched  # type: ignore[assignment,method-assign] # there is no hook
    Journal.sync = synced  # type: ignore[method-assign] # likewise


def run_to_the_end(plan: Plan, root: Path) -> Run:
    """Run an experiment.

    Raises:
        SystemExit: it did not end as it should.
    """
    run = Run.open(plan, root=root)
    try:
        while not run.done:
            run.pump(1.0)
    finally:
        run.close()
    failed = [trial for trial in run.trials.values() if trial.state.value == "failed"]
    if failed or not run.finished or len(run.trials) != plan.num_trials:
        raise SystemExit(f"{run.reason}; {len(failed)} trials failed: {failed[:1]}; {run.remarks}")
    return run


def trained_s(run: Run) -> float:
    """Return the seconds that all epochs of a run have slept."""
    return sum(float(run.config(i)["epoch_s"] or 0) * run.trials[i].level for i in run.trials)


def _plan_of(args: argparse.Namespace) -> Plan:
    space: dict[str, Any] = {"epochs": args.epochs, "megabytes": args.megabytes}
    slowest_s = args.epoch_s * args.spread
    space["epoch_s"] = loguniform(args.epoch_s, slowest_s) if args.spread > 1 else args.epoch_s
    return make_plan(
        Path(args.script).resolve(),
        space,
        scheduler="asha_promotion" if args.asha else "fifo",
        num_trials=args.trials,
        num_workers=args.workers,
        launch=args.launch,
        deterministic=bool(args.deterministic),
        oversubscribe=args.workers > len(os.sched_getaffinity(0)),
    )


def main() -> None:
    """Run it."""
    args = arguments(("launch", "warm"), ("deterministic", 0), ("spread", 1.0))
    plan = _plan_of(args)
    outcome = Outcome(args.out)
    watch(outcome)
    with outcome:
        run = run_to_the_end(plan, Path(args.work) / ".synebench")
        outcome.more["remarks"] = run.remarks[:5]
        outcome.more["trained_s"] = trained_s(run)


if __name__ == "__main__":
    main()
