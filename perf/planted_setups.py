"""The suite in whose gates faults are planted: four setups, simulated."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from planted_faults import Fault

from pytest_synebench.analysis.scores import run_scores
from pytest_synebench.blackboxes.synthetic import Synthetic
from pytest_synebench.blackboxes.table import Table
from pytest_synebench.cost_models import LinearInResource
from pytest_synebench.definition import Benchmark
from pytest_synebench.experiment.assembly import build_scheduler
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.preview import played
from pytest_synebench.scoring import Declared, checked_scores
from pytest_synebench.space import Domain, finrange
from pytest_synebench.trial import Config

FAMILIES = import_module("pytest_synebench.benchmarks.tabulated.families")


class Played(NamedTuple):
    """What a gate needs to know of one run."""

    trace: str  #: equal where every trial had the same config, reports and end
    trials: tuple[TrialRecord, ...]
    units: int  #: resource units run


@dataclass(frozen=True, kw_only=True, eq=False)
class Setup:
    """One benchmark with its scheduler and searcher."""

    name: str
    what: str
    params: Mapping[str, Any]
    family: Synthetic | None = None  #: None: the table fcnet_naval
    space: Mapping[str, Domain] = field(default_factory=dict)  #: {}: the family's
    rows: int = 0  #: of a table of the family; 0: its curves are computed
    points: tuple[Config, ...] | None = None
    scores: Mapping[str, str] = field(default_factory=dict)  #: declared, as of a ``Benchmark``

    @property
    def declared(self) -> dict[str, Declared]:
        """The declared scores, and how they are read."""
        return checked_scores(self.scores)

    def judged(self, run: Played, units: int) -> dict[str, float]:
        """Return the scores of a run; areas over so many units."""
        return run_scores(run.trials, units, mode="min", declared=self.scores)

    def play(self, run_id: int, fault: Fault | None = None) -> Played:
        """Return a run, with a fault or without."""
        plan = self._plan(run_id)
        if fault is None:
            return _played(plan)
        with fault.planted():
            return _played(fault.plan(plan))

    def _plan(self, run_id: int) -> Plan:
        params = {name: row.default for name, row in GLOBALS.items()}
        return Plan(
            benchmark=self.name,
            variant="v",
            params={**params, "backend": "simulated", **self.params},
            definition=self._definition(),
            run_id=run_id,
        )

    def _definition(self) -> Benchmark:
        if self.family is None:
            space, table = FAMILIES.FCNET.space, _fcnet()
            return Benchmark(
                script=Path(__file__), config_space=space, metric="val_loss", blackbox=table
            )
        return Benchmark(
            script=Path(__file__),
            config_space={
                **(self.space or self.family.config_space),
                "epochs": self.family.last_level,
            },
            metric="loss",
            resource_attr="epoch",
            max_resource_attr="epochs",
            points_to_evaluate=self.points,
            cost_model=LinearInResource(per_unit=lambda _: 1.0),
            blackbox=_table(self.family, self.rows) if self.rows else self.family,
        )


@cache
def _fcnet() -> Table:
    table: Table = FAMILIES.load("fcnet", "naval", "", 1)
    return table


@cache
def _table(family: Synthetic, rows: int) -> Table:
    return family.table(rows)


def _played(plan: Plan) -> Played:
    table, _ = played(plan, build_scheduler(plan), plan.params["num_workers"])
    trials = tuple(table.trials.values())
    reports = [[(r.at_s, r.resource, r.loss) for r in one.reports] for one in trials]
    told = [(one.config, one.state, of) for one, of in zip(trials, reports, strict=True)]
    return Played(hashlib.sha256(repr(told).encode()).hexdigest(), trials, table.units)


_FAMILY = Synthetic(dimensions=3, last_level=27, rank_correlation=0.8)
SETUPS = (
    Setup(
        name="promoting",
        what="asha_promotion, random; 3 hyperparameters, 27 levels, four configs in ten diverge; "
        "150 virtual seconds on 4 workers",
        family=Synthetic(dimensions=3, last_level=27, rank_correlation=0.8, diverging=0.4),
        rows=1_000,
        params={
            "scheduler": "asha_promotion",
            "num_trials": 10_000,
            "scheduler_timeout": 150.0,
            "num_workers": 4,
        },
        scores={"trials": "same", "repeated": "min", "diverged": "min", "duplicates": "min"},
    ),
    Setup(
        name="evolving",
        what="fifo, evolution; the published table fcnet_naval, 62,208 configs; 100 trials",
        params={
            "searcher": "evolution",
            "searcher_population_size": 20,
            "num_trials": 100,
            "num_workers": 4,
        },
    ),
    Setup(
        name="modelling",
        what="fifo, bayesopt_cost at equal costs; 2 hyperparameters with 16 values each; "
        "24 trials, 8 at once",
        family=Synthetic(dimensions=2, last_level=1),
        space={name: finrange(0.0, 1.0, 16) for name in ("x0", "x1")},
        params={"searcher": "bayesopt_cost", "num_trials": 24, "num_workers": 8},
        scores={"duplicates": "min"},
    ),
    Setup(
        name="known points",
        what="asha_stopping, random, from a good point; 3 hyperparameters, 27 levels; 30 trials",
        family=_FAMILY,
        points=({name: (at + 0.05) % 1 for name, at in _FAMILY.optimum.items()},),
        params={"scheduler": "asha_stopping", "num_trials": 30, "num_workers": 4},
        scores={"duplicates": "min"},
    ),
)
