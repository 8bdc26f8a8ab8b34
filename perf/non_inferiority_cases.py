"""What ``non_inferiority.py`` compares: the tables, the algorithms, the first configs."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from non_inferiority_page import KEYS, OPTUNA, STARTUP, SYNE_TUNE, WORKERS

from pytest_synebench.blackboxes.synthetic import Synthetic
from pytest_synebench.blackboxes.table import Table
from pytest_synebench.events import Decision
from pytest_synebench.schedulers.population.pbt import Pbt
from pytest_synebench.space import ConfigSpace, keyed_random
from pytest_synebench.space.finite import Choice
from pytest_synebench.trial import Config, Report

FAMILIES = import_module("pytest_synebench.benchmarks.tabulated.families")
FCNET = FAMILIES.FCNET


class FirstLevelAlone(Pbt):
    """Of the two parts of Syne Tune's rule the one: a copy is compared at its first level."""

    def _verdict(self, report: Report) -> tuple[Decision, ...]:
        self._as_syne_tune = False
        try:
            return super()._verdict(report)
        finally:
            self._as_syne_tune = True


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """One of ours, and what it is compared with."""

    name: str  #: of its row
    params: Mapping[str, Any]  #: ours
    reference: str  #: what the reference calls it
    system: str = SYNE_TUNE  #: whose it is
    like: bool = True  #: whether it has the reference's rule; if not, it is shown beside
    part: type[Pbt] | None = None  #: what it is made instead, to see what one change alone does

    @property
    def is_random(self) -> bool:
        """Whether it is what the others are to beat."""
        return self.name == "random"


RANDOM = Algorithm(name="random", params={"scheduler": "fifo"}, reference="random")
_AS_SYNE_TUNE = {"scheduler": "pbt", "pbt_rule": "syne_tune"}
WITH_LEVELS = (
    RANDOM,
    *(
        Algorithm(name=name, params={"scheduler": name}, reference=name)
        for name in ("asha_stopping", "asha_promotion")
    ),
    Algorithm(name="pbt, rule syne_tune", params=_AS_SYNE_TUNE, reference="pbt"),
    Algorithm(
        name="pbt, rule paper (default)", params={"scheduler": "pbt"}, reference="pbt", like=False
    ),
    Algorithm(
        name="pbt, paper but for the first level",
        params=_AS_SYNE_TUNE,
        reference="pbt",
        like=False,
        part=FirstLevelAlone,
    ),
)
TPE = Algorithm(
    name="tpe", params={"scheduler": "fifo", "searcher": "tpe"}, reference="tpe", system=OPTUNA
)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One table, as both systems run it."""

    name: str
    what: str
    family: Synthetic | None = None  #: None: fcnet's final values
    end: str = ""  #: of fcnet's name
    budget_s: float = 1e18  #: virtual seconds
    num_trials: int = 10_000
    algorithms: tuple[Algorithm, ...] = WITH_LEVELS
    first: int = WORKERS  #: configs that all begin with

    def table(self) -> Table:
        """Return fcnet's table."""
        table: Table = FAMILIES.load("fcnet", self.end, "", 1)
        return table

    def blackbox(self, run_id: int) -> Synthetic | Table:
        """Return the curves of a run."""
        if self.family is None:
            return self.table()
        return dataclasses.replace(self.family, key=run_id % KEYS)

    def floors(self) -> list[float]:
        """Return the lowest loss there is, by table seed."""
        if self.family is not None:
            return [0.0]
        losses = self.table().values["val_loss"]
        return [float(losses[:, seed].min()) for seed in range(losses.shape[1])]

    def space(self) -> ConfigSpace:
        """Return where configs come from."""
        return ConfigSpace(dict(FCNET.space if self.family is None else self.family.config_space))


_FAMILY = Synthetic(dimensions=3, last_level=27)
_SYNTHETIC = "3 hyperparameters, 27 levels, 250 virtual seconds on 4 workers; rank correlation"
SETTINGS = (
    Setting(
        name="steady",
        what=f"synthetic, {_SYNTHETIC} of the first and the last level 0.95",
        family=dataclasses.replace(_FAMILY, rank_correlation=0.95),
        budget_s=250,
    ),
    Setting(
        name="crossing",
        what=f"synthetic, {_SYNTHETIC} 0.5: curves cross",
        family=dataclasses.replace(_FAMILY, rank_correlation=0.5),
        budget_s=250,
    ),
    *(
        Setting(
            name=f"fcnet_{end}",
            what=f"{task}: final values of 62,208 configs, 4 seeds; 50 trials",
            end=end,
            num_trials=50,
            algorithms=(RANDOM, TPE),
            first=STARTUP,
        )
        for end, task in FCNET.tasks.items()
        if end in {"protein", "naval"}
    ),
)


def first_configs(setting: Setting, run_id: int) -> list[dict[str, Any]]:
    """Return with which configs both begin."""
    space = setting.space()
    return [dict(space.sample(keyed_random("first", run_id, i))) for i in range(setting.first)]


def curves(setting: Setting) -> Mapping[str, Any]:
    """Return what the reference plays: the family's parameters, or every row of the table."""
    if setting.family is not None:
        fields = dataclasses.asdict(setting.family)
        fields.pop("key")
        return {"synthetic": fields, "keys": KEYS}
    table, names = setting.table(), list(FCNET.space)
    values = {name: list(domain.values) for name, domain in FCNET.space.items()}
    rows = {_key(c, names): _ones(table, c) for c in _grid(values)}
    ordered = [name for name, domain in FCNET.space.items() if not isinstance(domain, Choice)]
    return {"values": values, "ordered": ordered, "rows": rows}


def _grid(values: Mapping[str, Sequence[Any]]) -> Iterator[Config]:
    for chosen in itertools.product(*values.values()):
        yield dict(zip(values, chosen, strict=True))


def _key(config: Config, names: Sequence[str]) -> str:
    return ",".join(str(config[name]) for name in names)


def _ones(table: Table, config: Config) -> list[tuple[float, float]]:
    points = [next(iter(table.curve(config, seed))) for seed in range(table.seeds)]
    return [(point.elapsed_s, float(point.metrics["val_loss"] or 0.0)) for point in points]
