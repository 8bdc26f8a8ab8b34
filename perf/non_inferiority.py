"""Whether ours finds as good configs as the reference does: the same curves, run id by run id.

    python perf/non_inferiority.py --environments DIR [--quick] [--run_ids N] [--docs FILE]
        [--only ALGORITHM ...] [--tables TABLE ...]

Per algorithm and table, over many simulated run ids: the regret of ours, and of Syne Tune's own
scheduler (peers/syne_tune_simulated.py) or of Optuna's own sampler (peers/optuna_tabulated.py), on
the same curves, with the same first configs. Ours is not inferior where the one-sided 95 % bound of
mean(ours - reference) is below a tenth of mean(random - reference); that is asked wherever the
reference beats random.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import environments
import machine
from non_inferiority_page import INTERVAL, KEYS, OPTUNA, SYNE_TUNE, WORKERS, page

from pytest_synebench.blackboxes.synthetic import Synthetic
from pytest_synebench.blackboxes.table import Table
from pytest_synebench.definition import Benchmark
from pytest_synebench.experiment.assembly import build_scheduler
from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.preview import played
from pytest_synebench.space import ConfigSpace, keyed_random
from pytest_synebench.space.finite import Choice
from pytest_synebench.trial import Config

FAMILIES = import_module("pytest_synebench.benchmarks.tabulated.families")
FCNET = FAMILIES.FCNET
HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "performance" / "non-inferiority.md"
PROGRAMS = {SYNE_TUNE: "syne_tune_simulated.py", OPTUNA: "optuna_tabulated.py"}
_Z95 = statistics.NormalDist().inv_cdf(0.95)


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """One of ours, and what it is compared with."""

    name: str  #: of its row
    params: Mapping[str, Any]  #: ours
    reference: str  #: what the reference calls it
    system: str = SYNE_TUNE  #: whose it is

    @property
    def is_random(self) -> bool:
        """Whether it is what the others are to beat."""
        return self.name == "random"


RANDOM = Algorithm(name="random", params={"scheduler": "fifo"}, reference="random")
WITH_LEVELS = (
    RANDOM,
    *(
        Algorithm(name=name, params={"scheduler": name}, reference=name)
        for name in ("asha_stopping", "asha_promotion")
    ),
    Algorithm(name="pbt", params={"scheduler": "pbt", "pbt_rule": "syne_tune"}, reference="pbt"),
    Algorithm(name="pbt, paper", params={"scheduler": "pbt"}, reference="pbt"),
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
        )
        for end, task in FCNET.tasks.items()
        if end in {"protein", "naval"}
    ),
)


def first_configs(setting: Setting, run_id: int) -> list[dict[str, Any]]:
    """Return with which configs both begin."""
    space = setting.space()
    return [dict(space.sample(keyed_random("first", run_id, i))) for i in range(WORKERS)]


def ours(setting: Setting, algorithm: Algorithm, run_id: int) -> float:
    """Return the regret of one run of ours."""
    blackbox = setting.blackbox(run_id)
    levels, metric = blackbox.last_level > 1, next(iter(blackbox.metrics))
    constants = {"epochs": blackbox.last_level} if levels else {}
    definition = Benchmark(
        script=Path(__file__),
        config_space={**setting.space().domains, **constants},
        metric=metric,
        resource_attr="epoch" if levels else None,
        max_resource_attr="epochs" if levels else None,
        points_to_evaluate=first_configs(setting, run_id),
        blackbox=blackbox,
    )
    params = {name: row.default for name, row in GLOBALS.items()}
    params |= {
        "backend": "simulated",
        **algorithm.params,
        "num_trials": setting.num_trials,
        "num_workers": WORKERS,
        "scheduler_timeout": setting.budget_s,
        "perturbation_interval": INTERVAL,
        "blackbox_seed": run_id % blackbox.seeds,
    }
    plan = Plan(
        benchmark=setting.name, variant="v", params=params, definition=definition, run_id=run_id
    )
    table, _ = played(plan, build_scheduler(plan), WORKERS)
    reports = itertools.chain.from_iterable(trial.reports for trial in table.trials.values())
    floors = setting.floors()
    best = min(report.loss for report in reports if report.at_s <= setting.budget_s)
    return best - floors[run_id % len(floors)]


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


def reference(
    setting: Setting,
    algorithm: Algorithm,
    run_ids: Sequence[int],
    told: Mapping[str, Any],
    made: Path,
) -> list[float]:
    """Return the regrets of the reference.

    Raises:
        CalledProcessError: its environment is not there, or it failed.
    """
    task = {
        "algorithm": algorithm.reference,
        "curves": told,
        "last_level": setting.family.last_level if setting.family else 1,
        "budget_s": setting.budget_s,
        "num_trials": setting.num_trials,
        "workers": WORKERS,
        "interval": INTERVAL,
        "floors": setting.floors(),
        "run_ids": list(run_ids),
        "points": [first_configs(setting, run_id) for run_id in run_ids],
    }
    with tempfile.TemporaryDirectory() as folder:
        asked, answer = Path(folder) / "task.json", Path(folder) / "regrets.json"
        asked.write_text(json.dumps(task))
        program = str(HERE / "peers" / PROGRAMS[algorithm.system])
        python = str(environments.interpreter(made, algorithm.system))
        command = [python, program, str(asked), str(answer)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        regrets: list[float] = json.loads(answer.read_text())
    return regrets


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The regrets of one algorithm on one table, by run id."""

    setting: Setting
    algorithm: Algorithm
    ours: Sequence[float]
    reference: Sequence[float]
    random: Sequence[float]

    @property
    def apart(self) -> tuple[float, float]:
        """Mean of ours - reference, and what the one-sided 95 % bound lies beyond it."""
        apart = [a - b for a, b in zip(self.ours, self.reference, strict=True)]
        return statistics.fmean(apart), _Z95 * statistics.stdev(apart) / len(apart) ** 0.5

    @property
    def margin(self) -> float:
        """A tenth of what the reference gains on random."""
        gains = [a - b for a, b in zip(self.random, self.reference, strict=True)]
        return statistics.fmean(gains) / 10

    @property
    def verdict(self) -> str:
        """What follows."""
        mean, width = self.apart
        if self.algorithm.is_random:
            return "**worse**" if mean - width > 0 else "no difference seen"
        if self.margin <= 0:
            return "not asked: the reference does not beat random"
        return "met" if mean + width < self.margin else "**not met**"

    def line(self) -> str:
        """Return its line of the page."""
        means = (statistics.fmean(ones) for ones in (self.ours, self.reference, self.random))
        figures = [f"{value:.4g}" for value in (*means, sum(self.apart), self.margin)]
        cells = [
            self.setting.name,
            self.algorithm.name,
            str(len(self.ours)),
            *figures,
            self.verdict,
        ]
        return f"| {' | '.join(cells)} |"


def compare(
    settings: Sequence[Setting], only: Sequence[str], run_ids: Sequence[int], made: Path
) -> Iterator[Comparison]:
    """Yield every comparison; ``only``: names of algorithms, () for all."""
    for setting in settings:
        chosen = [one for one in setting.algorithms if not only or one.name in only]
        if not chosen:
            continue
        told = curves(setting)
        known = {RANDOM.reference: reference(setting, RANDOM, run_ids, told, made)}
        for algorithm in chosen:
            if algorithm.reference not in known:
                known[algorithm.reference] = reference(setting, algorithm, run_ids, told, made)
            yield Comparison(
                setting=setting,
                algorithm=algorithm,
                ours=[ours(setting, algorithm, run_id) for run_id in run_ids],
                reference=known[algorithm.reference],
                random=known[RANDOM.reference],
            )


def main() -> int:
    """Compare, and write the page; exit code 1 where one is not met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--environments", type=Path, required=True)
    parser.add_argument("--run_ids", type=int, default=500, help="how many")
    parser.add_argument("--quick", action="store_true", help="20 run ids")
    parser.add_argument("--docs", type=Path, default=PAGE, help="the page to write")
    parser.add_argument("--only", nargs="+", default=(), help="algorithms; the page is not written")
    parser.add_argument("--tables", nargs="+", default=(), help="tables; likewise")
    given = parser.parse_args()
    made, count = given.environments.resolve(), 20 if given.quick else given.run_ids
    if failed := environments.ensure(made, [*PROGRAMS]):
        raise SystemExit("\n".join(failed.values()))
    settings = [one for one in SETTINGS if not given.tables or one.name in given.tables]
    comparisons = []
    for comparison in compare(settings, given.only, range(count), made):
        comparisons.append(comparison)
        print(comparison.line(), flush=True)
    if not given.only and not given.tables:
        versions = machine.facts(made, [*PROGRAMS])["versions"]
        tables = {one.name: one.what for one in SETTINGS}
        lines = [one.line() for one in comparisons]
        given.docs.write_text(page(lines, tables, count, versions))
    return int(any("**" in one.verdict for one in comparisons))


if __name__ == "__main__":
    raise SystemExit(main())
