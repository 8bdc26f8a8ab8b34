"""What a plan would do, found out by simulating it: nothing is started, and nothing is written.

Where the benchmark has a blackbox, that is played. Where it has none, every level costs one unit,
and which trial is better is drawn by its config: how many trials reach which level is then what the
scheduler makes of equal costs, and the time is not known.

Invariants (tests/experiment/test_preview.py):
- no file is made, and no process;
- what is told of a plan with a blackbox is what its simulated run does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_synebench.backends.local.machine import Machine
from pytest_synebench.blackboxes.protocol import Mode, Point
from pytest_synebench.checkpoints.simulated import SimulatedStore
from pytest_synebench.clock import VirtualClock
from pytest_synebench.definition import Benchmark
from pytest_synebench.experiment import simulation
from pytest_synebench.experiment.assembly import build_scheduler, slots
from pytest_synebench.experiment.journal.journal import Unwritten
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.tuner.deadlines import Deadlines
from pytest_synebench.experiment.tuner.launch import Launch
from pytest_synebench.experiment.tuner.machinery import Limits, Machinery
from pytest_synebench.experiment.tuner.timekeeping import Timekeeping
from pytest_synebench.experiment.tuner.tuner import Tuner
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.searchers.catalog import EXTERNAL
from pytest_synebench.space import ConfigSpace, keyed_random
from pytest_synebench.trial import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What is expected of an experiment."""

    name: str
    unit: str  #: what a level is: "epoch"
    trials: int
    reached: tuple[tuple[int, int], ...]  #: (level, trials that reach it), ascending
    units: int  #: resource units over all trials, levels that are repeated not counted
    repeated: int  #: resource units that are run again, for want of checkpoints
    num_workers: int
    seconds: float | None  #: how long it takes; None: nothing says what a level costs
    reason: str  #: why it ends
    searcher: str = ""  #: why the searcher was not asked; "": it was

    def lines(self) -> list[str]:
        """Return what a person wants to know."""
        rungs = ", ".join(f"{level}: {count}" for level, count in self.reached)
        again = f", {self.repeated} of them again for want of checkpoints" if self.repeated else ""
        time = (
            "time: not known; the benchmark has no blackbox, so every level counts as one unit"
            if self.seconds is None
            else f"time: {self.seconds:.1f} s with {self.num_workers} workers, by its blackbox"
        )
        return [
            self.name,
            f"  trials: {self.trials}; by the {self.unit} they reach: {rungs}",
            f"  {self.unit}s: {self.units + self.repeated} run{again}",
            f"  {time}",
            f"  ends because: {self.reason}",
            *([f"  searcher: {self.searcher}"] if self.searcher else []),
        ]


def preview(plan: Plan, machine: Machine) -> Preview:
    """Return what a plan would do.

    Args:
        plan: to be looked into; whatever its back-end is.
        machine: on which it would run, which bounds its workers.

    Raises:
        UsageError: the plan cannot work.
    """
    known = plan.definition.blackbox is not None
    scheduler = build_scheduler(_simulated(plan))
    external = plan.params["searcher"] == EXTERNAL
    num_workers, _ = slots(plan, machine)
    table, reason = played(plan, scheduler, num_workers)
    trials = table.trials.values()
    levels = [*scheduler.levels, *([plan.max_resource] if plan.max_resource else [])]
    if not plan.definition.resource_attr:
        levels = [1]
    return Preview(
        name=plan.name,
        unit=plan.definition.resource_attr or "level",
        trials=len(trials),
        reached=tuple((n, sum(t.level >= n for t in trials)) for n in dict.fromkeys(levels)),
        units=table.units,
        repeated=sum(trial.repeated for trial in trials),
        num_workers=num_workers,
        seconds=table.at_s if known else None,
        reason=reason,
        searcher="no process is started: in its place configs are drawn at random"
        if external
        else "",
    )


def played(plan: Plan, scheduler: Scheduler, num_workers: int) -> tuple[TrialTable, str]:
    """Play a plan to its end, in memory; return its trials, and why it ended.

    Args:
        plan: what to play, whatever its back-end is.
        scheduler: in its first state, built for the plan when it is simulated.
        num_workers: attempts at once.

    Raises:
        UsageError: the plan cannot work.
    """
    known, table = plan.definition.blackbox is not None, TrialTable()
    tuner = _tuner(_simulated(plan), scheduler, table, num_workers, timed=known)
    tuner.open()
    while not tuner.done:
        tuner.pump(math.inf)
    return table, tuner.reason


def _simulated(plan: Plan) -> Plan:
    """Return the plan with trials that are simulated, by a flat cost where nothing is known."""
    definition = plan.definition
    if definition.blackbox is None:
        definition = replace(definition, blackbox=_Flat(definition, plan.max_resource))
    params = {**plan.params, "backend": "simulated"}
    if params["searcher"] == EXTERNAL:
        params["searcher"] = "random"
    return replace(plan, definition=definition, params=params)


def _tuner(
    plan: Plan, scheduler: Scheduler, table: TrialTable, num_workers: int, *, timed: bool
) -> Tuner:
    clock, nowhere = VirtualClock(), Path()
    keeping = Timekeeping.of(plan, table, nowhere)
    budget = keeping.budget if timed else replace(keeping.budget, scheduler_timeout_s=None)
    backend = simulation.backend(plan, simulation.blackbox_of(plan), clock)
    return Tuner(
        Machinery(
            scheduler=scheduler,
            backend=backend,
            journal=Unwritten(),
            table=table,
            launch=Launch(plan, scheduler, nowhere, SimulatedStore()),
            intake=keeping.intake,
            clock=clock,
            order=keeping.order,
            reports=backend.reports,
        ),
        Limits(
            num_workers=num_workers,
            max_retries=plan.params["max_retries"],
            budget=budget,
            deadlines=Deadlines.of(plan),
            wind_down_s=0.0,
            instant=True,
        ),
    )


class _Flat:
    """Every level costs one second, and a config's loss is drawn."""

    seeds = 1

    def __init__(self, definition: Benchmark, last_level: int | None) -> None:
        self._definition = definition
        self.metrics: dict[str, Mode] = {definition.metric: definition.mode}
        self.last_level = (last_level or 1) if definition.resource_attr else 1

    def curve(self, config: Config, seed: int) -> Iterator[Point]:  # noqa: ARG002 - it has one
        definition = self._definition
        loss = keyed_random("preview", definition.space.key(config)).random()
        sign = -1.0 if definition.mode == "max" else 1.0
        for level in range(1, self.last_level + 1):
            metrics = {definition.metric: sign * (loss + 1 / level)}
            if definition.cost_attr is not None:
                metrics[definition.cost_attr] = float(level)
            if definition.constraint_attr is not None:
                metrics[definition.constraint_attr] = 0.0
            yield Point(level, float(level), metrics)

    def space(self, asked: ConfigSpace) -> ConfigSpace:
        return asked

    def remark(self, metric: str) -> str:  # noqa: ARG002 - nothing to say of any
        return ""
