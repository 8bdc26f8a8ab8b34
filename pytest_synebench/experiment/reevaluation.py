"""The best config of a run, trained anew with fresh seeds: what it is worth without its luck.

The best of many noisy values is better than its config is, the more so the noisier they are: a
change that only adds noise looks like one that helps. So a benchmark may ask for the score
``reevaluated:N``. Each training is an experiment of one trial below the run's own directory,
``reevaluated/runs/…``; what came of them stands in the run's ``metadata.json``.

Invariants (tests/experiment/test_reevaluation.py holds each one):
- no training has the seed of a trial of the run, nor of another training;
- what counts is the value at the level at which the run was best, not the best of a training;
- a training that fails or diverges counts as what was not measured;
- a run that has been re-evaluated is not trained again, unless another config is the best by now.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_synebench.errors import BackendError, RunError, UsageError
from pytest_synebench.experiment.keeping.results_copy import copy_of
from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.plan.rows.budgets import BUDGETS
from pytest_synebench.experiment.plan.rows.scheduling import SCHEDULING
from pytest_synebench.experiment.plan.rows.searching import SEARCHING
from pytest_synebench.experiment.store.directories import read_metadata, write_metadata
from pytest_synebench.experiment.store.results import REEVALUATED, load_runs
from pytest_synebench.scoring import retrainings
from pytest_synebench.space import keyed_random
from pytest_synebench.trial import Config

Make = Callable[[Plan, Path], Path]  #: carries a plan out below a root; returns its directory

_KEPT = {"max_resource_level", "max_retries", "trial_timeout", "progress_timeout"}
#: How one config is trained: by nothing that the run searched, compared or ended by.
_ALONE: dict[str, Any] = {
    **{row.name: row.default for row in (*SCHEDULING, *SEARCHING, *BUDGETS)},
    "scheduler": "fifo",
    "searcher": "random",
    "num_trials": 1,
    "checkpointing": "off",
    "results": GLOBALS["results"].default,
}


def check(plan: Plan) -> None:
    """Refuse a plan whose best config cannot be trained anew, although its benchmark asks for it.

    Raises:
        UsageError: with both ways out.
    """
    if retrainings(plan.definition.scores) and plan.scheduler == "pbt":
        raise UsageError(
            f"{plan.benchmark} is judged by its best config trained anew (scores has "
            "'reevaluated:N'), and what pbt finds is a schedule of configs, of which the last "
            "alone is something else; choose another --scheduler, or declare a test metric, "
            "'incumbent:KEY'"
        )


def plans(plan: Plan, best: Config, times: int) -> list[Plan]:
    """Return what trains a config so many times anew.

    Args:
        plan: of the run that found it.
        best: the config.
        times: how many trainings.
    """
    alone = {name: value for name, value in _ALONE.items() if name not in _KEPT}
    params = {
        **plan.params,
        **alone,
        "points_to_evaluate": [dict(best)],
        "random_seed_offset": keyed_random("reevaluated", plan.seed).randrange(2**32),
    }
    return [replace(plan, params=params, listed=(), run_id=number) for number in range(times)]


def reevaluate(
    plan: Plan, directory: Path, times: int, *, make: Make, say: Callable[[str], None]
) -> None:
    """Train the best config of a run anew, and note what came of it in the run's metadata.

    Args:
        plan: of the run.
        directory: of the run, which is over.
        times: trainings; 0: nothing is to be done.
        make: carries a plan out.
        say: takes what people should know, a line at a time.

    Raises:
        RunError: a training was broken off.
        SynebenchError: one cannot be started.
    """
    [run] = load_runs(directory)
    best, config = run.best_report, run.best_config
    if best is None or config is None or len(run.reevaluated) >= times:
        return
    root = directory / REEVALUATED
    losses = [_loss(make(one, root), best.resource) for one in plans(plan, config, times)]
    told = {
        "trial": best.trial_id,
        "level": best.resource,
        "losses": [loss if math.isfinite(loss) else None for loss in losses],
    }
    write_metadata(directory, {**read_metadata(directory), REEVALUATED: told})
    try:
        copy = copy_of(plan, directory)
    except BackendError as error:
        say(str(error))
        return
    if copy is not None:
        copy.finish(say)
        copy.close()


def _loss(directory: Path, level: int) -> float:
    [run] = load_runs(directory)
    if not run.finished:
        raise RunError(
            f"the best config could not be trained anew: {run.reason or 'it broke off'}; its "
            f"files: {directory}"
        )
    reports = (report for trial in run.trials for report in trial.reports)
    return next((report.loss for report in reports if report.resource == level), math.nan)
