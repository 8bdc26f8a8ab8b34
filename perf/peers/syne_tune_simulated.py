"""Syne Tune 0.13.0: its schedulers over synthetic curves or a table, in virtual time.

    python syne_tune_simulated.py TASKS.json OUT.json

Its schedulers are asked directly, in a loop that does what its tuner does: none of its tuner's or
simulator's own time is in it. A task says the curves, the budget and the run ids, with the first
configs of each; what comes out of each is one regret per run id. A curve goes on from a checkpoint
as ours does: the levels below it take no time.
"""

import heapq
import json
import logging
import sys
import warnings
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import choice, uniform
from syne_tune.optimizer.schedulers import (
    FIFOScheduler,
    HyperbandScheduler,
    PopulationBasedTraining,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # for the curves alone
from pytest_synebench.blackboxes.synthetic import Synthetic

NOW = datetime(2000, 1, 1, tzinfo=UTC)


def scheduler(task, run_id, points):
    """Return the scheduler of a run."""
    last, name = task["last_level"], task["algorithm"]
    if "values" in task["curves"]:
        space = {key: choice(values) for key, values in task["curves"]["values"].items()}
    else:
        space = {f"x{i}": uniform(0, 1) for i in range(task["curves"]["synthetic"]["dimensions"])}
    common = {
        "searcher": "random",
        "metric": "loss",
        "mode": "min",
        "random_seed": run_id,
        "points_to_evaluate": points,
    }
    if name == "random":
        return FIFOScheduler(space, **common)
    common |= {"resource_attr": "epoch", "max_resource_attr": "epochs"}
    space["epochs"] = last
    if name == "pbt":
        return PopulationBasedTraining(
            space,
            population_size=4,
            perturbation_interval=task["interval"],
            max_t=last,
            **common,
        )
    return HyperbandScheduler(
        space,
        type=name.removeprefix("asha_"),
        grace_period=1,
        reduction_factor=3,
        **common,
    )


class World:
    """The workers of one run: what is due next, and the best loss so far."""

    def __init__(self, task, run_id, points):
        self.task = task
        self.scheduler = scheduler(task, run_id, points)
        self.best = float("inf")
        self.now_s = 0.0
        self.trials, self.levels = [], []
        self.due = []  #: heap: (time, trial, index of the point, time at its level 0)
        self.curves = {}
        told = task["curves"]
        self.rows, self.seed, self.family = told.get("rows"), run_id, None
        if "values" not in told:
            self.family = Synthetic(**told["synthetic"], key=run_id % told["keys"])

    def curve(self, trial):
        """Return (seconds, loss) by level, from 1."""
        config = self.trials[trial].config
        if self.family is None:
            key = ",".join(str(config[name]) for name in self.task["curves"]["values"])
            ones = self.rows[key]
            return [tuple(ones[self.seed % len(ones)])]
        return [(p.elapsed_s, p.metrics["loss"]) for p in self.family.curve(config, 0)]

    def fill(self):
        """Give a free worker something to do; say whether there was anything."""
        number = len(self.trials)
        suggestion = self.scheduler.suggest(number)
        if suggestion is None:
            return False
        if suggestion.spawn_new_trial_id:
            if number >= self.task["num_trials"]:
                return False
            parent = suggestion.checkpoint_trial_id
            self.trials.append(Trial(number, suggestion.config, NOW))
            self.levels.append(0 if parent is None else self.levels[parent])
            self.scheduler.on_trial_add(self.trials[number])
            self.curves[number] = self.curve(number)
            trial = number
        else:
            trial = suggestion.checkpoint_trial_id
        level = self.levels[trial]
        points = self.curves[trial]
        began_s = self.now_s - (points[level - 1][0] if level else 0.0)
        heapq.heappush(self.due, (began_s + points[level][0], trial, level, began_s))
        return True

    def report(self, trial, index, began_s):
        """Have a trial report, and go on unless it is told not to."""
        points = self.curves[trial]
        loss = points[index][1]
        self.best = min(self.best, loss)
        self.levels[trial] = index + 1
        result = {"loss": loss, "epoch": index + 1}
        decision = self.scheduler.on_trial_result(self.trials[trial], dict(result))
        if index + 1 == len(points):
            self.scheduler.on_trial_complete(self.trials[trial], dict(result))
        elif decision == "CONTINUE":
            due_s = began_s + points[index + 1][0]
            heapq.heappush(self.due, (due_s, trial, index + 1, began_s))

    def run(self):
        """Return the lowest loss that was reported within the budget."""
        while True:
            while len(self.due) < self.task["workers"] and self.fill():
                pass
            if not self.due:
                return self.best
            self.now_s, trial, index, began_s = heapq.heappop(self.due)
            if self.now_s > self.task["budget_s"]:
                return self.best
            self.report(trial, index, began_s)


@lru_cache
def curves(path):
    """Return the curves of a file."""
    return json.loads(Path(path).read_text())


def regrets(task):
    """Return the regret of each run id of a task."""
    task["curves"] = curves(task["curves"])
    floors = task["floors"]
    return [
        World(task, run_id, points).run() - floors[run_id % len(floors)]
        for run_id, points in zip(task["run_ids"], task["points"], strict=True)
    ]


def main():
    """Run every task."""
    tasks = json.loads(Path(sys.argv[1]).read_text())
    Path(sys.argv[2]).write_text(json.dumps([regrets(task) for task in tasks]))


if __name__ == "__main__":
    main()
