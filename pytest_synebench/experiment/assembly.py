"""Builds the parts of an experiment from its plan: searcher, scheduler, back-end.

Invariants (tests/experiment/test_assembly.py):
- equal plans give schedulers that decide equally;
- a scheduler that the benchmark cannot feed is refused by name, before anything starts.
"""

from __future__ import annotations

import os
from pathlib import Path

from pytest_synebench.backends.local.backend import LocalBackend
from pytest_synebench.backends.local.briefing import thread_variables
from pytest_synebench.backends.protocol import Backend
from pytest_synebench.backends.supervision.leftovers import OrdinaryLauncher
from pytest_synebench.clock import Clock
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.schedulers import catalog as schedulers
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.searchers import catalog as searchers


def build_scheduler(plan: Plan) -> Scheduler:
    """Return a new scheduler, with its searcher, in its first state.

    Raises:
        UsageError: the scheduler needs something that the benchmark does not say.
    """
    points = plan.params["points_to_evaluate"]
    searcher = searchers.build(
        plan.params["searcher"],
        plan.definition.space,
        seed=plan.seed,
        points_to_evaluate=plan.definition.points_to_evaluate if points is None else points,
    )
    return schedulers.build(
        plan.scheduler,
        searcher=searcher,
        resource_attr=plan.definition.resource_attr,
        max_resource=plan.max_resource,
        min_resource=plan.params["grace_period"],
        reduction_factor=plan.params["reduction_factor"],
        rung_levels=plan.params["rung_levels"],
    )


def threads_per_trial(plan: Plan) -> int | None:
    """Return how many threads a trial's libraries may use; None: what the environment says.

    Unasked, the processors are shared evenly: two trials with two threads each on two processors
    take several times as long as with one each.
    """
    asked: int | None = plan.params["threads_per_trial"]
    if asked is not None or "OMP_NUM_THREADS" in os.environ:
        return asked
    return max(1, len(os.sched_getaffinity(0)) // int(plan.params["num_workers"]))


def build_backend(plan: Plan, directory: Path, clock: Clock) -> Backend:
    """Return the back-end of a run, which is its directory's."""
    threads = threads_per_trial(plan)
    return LocalBackend(
        plan.definition.script,
        launcher=OrdinaryLauncher(plan.definition.interpreter),
        run_token=str(directory),
        environment=None if threads is None else thread_variables(threads),
        log_cap_bytes=plan.params["log_cap_mb"] * 2**20,
        grace_s=plan.params["stop_grace"],
        clock=clock,
    )
