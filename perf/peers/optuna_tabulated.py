"""Optuna 5.0.0: its own TPE over the rows of a table, asked and told, in virtual time.

    python optuna_tabulated.py TASKS.json OUT.json

The study grows as it would for a user: a worker that is free asks, one whose trial is over tells.
A task says the rows, the workers and the run ids, with the first configs of each; what comes out
is one regret per run id. Hyperparameters that have an order are integers, the others categories.
"""

import heapq
import json
import sys
import warnings
from functools import lru_cache
from pathlib import Path

import optuna
from optuna.distributions import CategoricalDistribution, IntDistribution

warnings.filterwarnings("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)


def distributions(curves):
    """Return what a study draws from: the numbers of the values."""
    made = {}
    for name, values in curves["values"].items():
        numbers = range(len(values))
        if name in curves["ordered"]:
            made[name] = IntDistribution(0, len(values) - 1)
        else:
            made[name] = CategoricalDistribution([*numbers])
    return made


def run(task, run_id, points):
    """Return the lowest loss of a run."""
    curves = task["curves"]
    sampler = optuna.samplers.TPESampler(seed=run_id, multivariate=True, constant_liar=True)
    study = optuna.create_study(sampler=sampler)
    for point in points:
        study.enqueue_trial({n: curves["values"][n].index(v) for n, v in point.items()})
    space, due, best = distributions(curves), [], float("inf")
    now_s, asked = 0.0, 0
    while True:
        while len(due) < task["workers"] and asked < task["num_trials"]:
            trial = study.ask(space)
            config = {n: curves["values"][n][i] for n, i in trial.params.items()}
            ones = curves["rows"][",".join(str(config[name]) for name in curves["values"])]
            elapsed_s, loss = ones[run_id % len(ones)]
            heapq.heappush(due, (now_s + elapsed_s, asked, trial, loss))
            asked += 1
        if not due:
            return best
        now_s, _, trial, loss = heapq.heappop(due)
        study.tell(trial, loss)
        best = min(best, loss)


@lru_cache
def curves(path):
    """Return the curves of a file."""
    return json.loads(Path(path).read_text())


def regrets(task):
    """Return the regret of each run id of a task."""
    task["curves"] = curves(task["curves"])
    floors = task["floors"]
    return [
        run(task, run_id, points) - floors[run_id % len(floors)]
        for run_id, points in zip(task["run_ids"], task["points"], strict=True)
    ]


def main():
    """Run every task."""
    tasks = json.loads(Path(sys.argv[1]).read_text())
    Path(sys.argv[2]).write_text(json.dumps([regrets(task) for task in tasks]))


if __name__ == "__main__":
    main()
