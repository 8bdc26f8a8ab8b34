"""Builds the parts of an experiment from its plan: searcher, scheduler, back-end.

Invariants (tests/experiment/test_assembly.py):
- equal plans give schedulers that decide equally;
- a scheduler that the benchmark cannot feed is refused by name, before anything starts;
- in deterministic mode the tuner has as many slots as asked, and the machine bounds processes only;
- the processors are shared by the trials that run at once, not by those that were asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_synebench.backends.local.admission import Admission
from pytest_synebench.backends.local.backend import LocalBackend
from pytest_synebench.backends.local.briefing import thread_variables
from pytest_synebench.backends.local.devices import Devices
from pytest_synebench.backends.local.machine import Machine, this_machine
from pytest_synebench.backends.local.tagged import Printed
from pytest_synebench.backends.protocol import Backend
from pytest_synebench.backends.supervision.nursery import Nursery
from pytest_synebench.blackboxes.rows import RowSpace
from pytest_synebench.checkpoints.local import LocalStore
from pytest_synebench.checkpoints.protocol import CheckpointStore
from pytest_synebench.checkpoints.simulated import SimulatedStore
from pytest_synebench.clock import Clock, VirtualClock
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment import simulation
from pytest_synebench.experiment.external.searcher import ExternalSearcher
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.plan.workers import workers
from pytest_synebench.experiment.remote.kept import KeptStore
from pytest_synebench.schedulers import catalog as schedulers
from pytest_synebench.schedulers.arguments import Arguments
from pytest_synebench.schedulers.halving.pasha import Criterion
from pytest_synebench.schedulers.median_stopping import MedianRule
from pytest_synebench.schedulers.population.pbt import Selection
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.searchers import catalog as searchers
from pytest_synebench.searchers.learning import RANDOM_FRACTION
from pytest_synebench.searchers.on_rows import OnRows
from pytest_synebench.searchers.points import initial_configs
from pytest_synebench.searchers.protocol import Searcher
from pytest_synebench.space import ConfigSpace
from pytest_synebench.trial import Config

_SEARCHER = "searcher_"  # begins the names of the searcher's own parameters


def as_it_is(backend: Backend) -> Backend:
    """Return a back-end as it is."""
    return backend


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where trials run on this machine."""

    machine: Machine = field(default_factory=this_machine)  #: what there is for them
    nursery: Nursery | None = None  #: the supervisors, shared by experiments; None: its own
    directory: Path | None = None  #: the folder in which scripts run; None: the current one
    wrap: Callable[[Backend], Backend] = as_it_is  #: what must come before and after its verbs


def build_external(plan: Plan) -> ExternalSearcher | None:
    """Return a new searcher that asks a process, if that is the plan's; it starts none yet.

    Whoever has it asked closes it.

    Raises:
        UsageError: there is no such program, or the points to evaluate break a rule.
    """
    if plan.params["searcher"] != searchers.EXTERNAL:
        return None
    space = _searched(plan)
    return ExternalSearcher(plan, space, initial_configs(space, _points(plan)))


def build_searcher(plan: Plan, external: ExternalSearcher | None = None) -> Searcher:
    """Return a new searcher, in its first state.

    Args:
        plan: what to run.
        external: what asks the plan's process; None: a new one, if that is its searcher.

    Raises:
        UsageError: the searcher needs something that the benchmark or the machine does not have.
    """
    space = _searched(plan)
    searcher = external or build_external(plan) or _pure_searcher(plan, space)
    return OnRows(searcher, space.rows) if isinstance(space, RowSpace) else searcher


def _searched(plan: Plan) -> ConfigSpace:
    space = plan.definition.space
    return simulation.blackbox_of(plan).space(space) if plan.simulated else space


def _points(plan: Plan) -> Sequence[Config] | None:
    asked: Sequence[Config] | None = plan.params["points_to_evaluate"]
    return plan.definition.points_to_evaluate if asked is None else asked


def _pure_searcher(plan: Plan, space: ConfigSpace) -> Searcher:
    arguments = {
        name.removeprefix(_SEARCHER): value
        for name, value in plan.params.items()
        if name.startswith(_SEARCHER)
    }
    if arguments["random_fraction"] is None:
        arguments["random_fraction"] = 0.0 if plan.scheduler == "fifo" else RANDOM_FRACTION
    return searchers.build(
        plan.params["searcher"],
        space,
        seed=plan.seed,
        points_to_evaluate=_points(plan),
        levels=plan.definition.resource_attr is not None,
        constraint_attr=plan.definition.constraint_attr,
        cost_model=plan.definition.cost_model,
        **arguments,
    )


def build_scheduler(plan: Plan, searcher: Searcher | None = None) -> Scheduler:
    """Return a new scheduler in its first state.

    Args:
        plan: what to run.
        searcher: where configs come from; None: a new one, as the plan says.

    Raises:
        UsageError: the scheduler needs something that the benchmark does not say.
    """
    if plan.scheduler == "pbt" and plan.params["checkpointing"] == "off":
        raise UsageError(
            "pbt starts trials from the checkpoints of others, and checkpointing is 'off'; leave "
            "it at 'auto', or choose --scheduler fifo"
        )
    return schedulers.build(
        plan.scheduler,
        Arguments(
            searcher=build_searcher(plan) if searcher is None else searcher,
            seed=plan.seed,
            space=plan.definition.space,
            resource_attr=plan.definition.resource_attr,
            cost_attr=plan.definition.cost_attr,
            max_resource=plan.max_resource,
            min_resource=plan.params["grace_period"],
            reduction_factor=plan.params["reduction_factor"],
            rung_levels=plan.params["rung_levels"],
            brackets=plan.params["brackets"],
            rung_system_per_bracket=plan.params["rung_system_per_bracket"],
            median=MedianRule(
                rule=plan.params["median_rule"],
                grace_time=plan.params["grace_time"],
                grace_population=plan.params["grace_population"],
                rank_cutoff=plan.params["rank_cutoff"],
                running_average=plan.params["running_average"],
            ),
            pasha=Criterion(
                name=plan.params["pasha_ranking_criterion"],
                epsilon=plan.params["pasha_epsilon"],
                scaling=plan.params["pasha_epsilon_scaling"],
            ),
            selection=Selection(
                population_size=plan.params["population_size"],
                perturbation_interval=plan.params["perturbation_interval"],
                quantile_fraction=plan.params["quantile_fraction"],
                resample_probability=plan.params["resample_probability"],
                rule=plan.params["pbt_rule"],
            ),
            elapsed_time_attr=plan.definition.elapsed_time_attr,
            mo_metric=plan.params["mo_metric"] or None,
            mo_mode=plan.params["mo_mode"],
            params=plan.params,
        ),
    )


def build_asking(plan: Plan) -> tuple[Scheduler, ExternalSearcher | None]:
    """Return a new scheduler, and what it asks where that is a process: to be closed.

    Raises:
        UsageError: as ``build_searcher`` and ``build_scheduler`` do.
    """
    external = build_external(plan)
    return build_scheduler(plan, build_searcher(plan, external)), external


def slots(plan: Plan, machine: Machine) -> tuple[int, str]:
    """Return how many attempts the tuner has at once, and why fewer run ("": as many as asked)."""
    asked = int(plan.params["num_workers"])
    if plan.simulated or plan.remote:
        return asked, ""
    allowed, why = workers(plan.params, machine.processors, len(machine.gpus))
    return (asked if _deterministic(plan) else allowed), why


def capacity(plan: Plan, machine: Machine) -> int | None:
    """Return how many attempts the back-end runs at once; None: all that it is given.

    What deterministic mode decides must not depend on the machine: its slots stay as asked, and
    attempts beyond the machine's bound wait in the back-end.
    """
    allowed, why = workers(plan.params, machine.processors, len(machine.gpus))
    return allowed if why and _deterministic(plan) else None


def _deterministic(plan: Plan) -> bool:
    return bool(plan.params["deterministic"])


def threads_per_trial(plan: Plan, machine: Machine) -> int | None:
    """Return how many threads a trial's libraries may use; None: what the environment says.

    Unasked, the processors are shared evenly: two trials with two threads each on two processors
    take several times as long as with one each.
    """
    asked: int | None = plan.params["threads_per_trial"]
    if asked is not None or "OMP_NUM_THREADS" in os.environ:
        return asked
    running, _ = workers(plan.params, machine.processors, len(machine.gpus))
    return max(1, machine.processors // running)


def build_store(plan: Plan, directory: Path) -> CheckpointStore:
    """Return what says which checkpoints of a run can be trusted.

    Args:
        plan: of the run.
        directory: of the run.
    """
    if plan.remote:
        from pytest_synebench.experiment.remote.archive import archive_of_jobs

        return KeptStore(lambda: archive_of_jobs(plan, directory))
    return SimulatedStore() if plan.simulated else LocalStore()


def build_backend(
    plan: Plan,
    directory: Path,
    clock: Clock,
    site: Site,
    remark: Callable[[str], None],
    ledger: Callable[[], Ledger],
) -> Backend:
    """Return the back-end of a run, which is its directory's; a simulated one moves the clock.

    Args:
        plan: of the run.
        directory: of the run.
        clock: that it goes by.
        site: this machine.
        remark: takes a line on what people should know.
        ledger: opens the run's, of what jobs have kept.

    Raises:
        UsageError: something is missing that trials need there.
        BackendError: it cannot be used.
    """
    if isinstance(clock, VirtualClock) and plan.simulated:
        blackbox = simulation.blackbox_of(plan)
        for told in simulation.remarks(plan, blackbox):
            remark(told)
        return simulation.backend(plan, blackbox, clock)
    if plan.remote:
        from pytest_synebench.experiment.remote.building import remote_backend
        from pytest_synebench.experiment.remote.preflight import check

        check(plan)
        return remote_backend(plan, directory, ledger(), remark)
    machine = site.machine
    threads = threads_per_trial(plan, machine)
    return LocalBackend(
        plan.definition.script,
        nursery=site.nursery,
        directory=site.directory,
        launch=plan.params["launch"],
        preload=plan.definition.preload,
        interpreter=plan.definition.interpreter,
        run_token=str(directory),
        environment=None if threads is None else thread_variables(threads),
        log_cap_bytes=plan.params["log_cap_mb"] * 2**20,
        report_rate=plan.params["report_rate"],
        grace_s=plan.params["stop_grace"],
        admission=Admission(
            capacity(plan, machine), Devices(machine.gpus, plan.params["num_gpus_per_trial"])
        ),
        clock=clock,
        remark=lambda why: remark(f"trials are started cold: {why}"),
        printed=printed(plan, remark),
    )


def printed(plan: Plan, remark: Callable[[str], None]) -> Printed:
    """Return what is made of what a benchmark's script prints."""
    definition = plan.definition
    keys = (definition.metric, definition.elapsed_time_attr, definition.cost_attr)
    return Printed(
        reports=definition.report_protocol == "syne_tune",
        max_resource_attr=definition.max_resource_attr,
        named=frozenset(key for key in (*keys, definition.constraint_attr) if key),
        remark=remark,
    )
