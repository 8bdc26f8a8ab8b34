"""Records what Syne Tune's own schedulers decide on streams of events, for ``tests/oracle``.

Run in an environment of its own, since it needs what the project does not::

    python -m venv oracle && oracle/bin/pip install syne-tune==0.13.0
    oracle/bin/python perf/oracle.py tests/oracle/streams

A stream is drawn at random: slots fall free, running trials report their next level, a few fail.
What Syne Tune decides is carried out, so that the stream is one that it could have met. A file
holds one stream per line: the arguments of the scheduler, then the steps, each an event and the
decision on it.
"""

from __future__ import annotations

import gzip
import json
import logging
import random
import sys
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

from syne_tune.backend.trial_status import Trial  # noqa: E402
from syne_tune.config_space import uniform  # noqa: E402
from syne_tune.optimizer.schedulers import (  # noqa: E402
    FIFOScheduler,
    HyperbandScheduler,
    MedianStoppingRule,
)
from syne_tune.optimizer.schedulers.synchronous import (  # noqa: E402
    SynchronousGeometricHyperbandScheduler,
)

Step = list[Any]
STREAMS, STEPS = 40, 250
SPACE = {"x": uniform(0, 1)}
NOW = datetime(2000, 1, 1, tzinfo=UTC)


def hyperband(kind: str, seed: int, args: dict[str, Any]) -> Any:
    """Return ASHA in one of its two variants."""
    return HyperbandScheduler(
        {**SPACE, "epochs": args["max_resource"]},
        type=kind,
        searcher="random",
        metric="loss",
        mode="min",
        resource_attr="epoch",
        max_resource_attr="epochs",
        grace_period=args["grace_period"],
        reduction_factor=args["reduction_factor"],
        random_seed=seed,
    )


def synchronous(seed: int, args: dict[str, Any]) -> Any:
    """Return synchronous Hyperband."""
    return SynchronousGeometricHyperbandScheduler(
        {**SPACE, "epochs": args["max_resource"]},
        searcher="random",
        metric="loss",
        mode="min",
        resource_attr="epoch",
        max_resource_attr="epochs",
        grace_period=args["grace_period"],
        reduction_factor=args["reduction_factor"],
        brackets=args["brackets"],
        random_seed=seed,
    )


def median(seed: int, args: dict[str, Any]) -> Any:
    """Return the median stopping rule."""
    fifo = FIFOScheduler(SPACE, searcher="random", metric="loss", mode="min", random_seed=seed)
    return MedianStoppingRule(
        fifo,
        resource_attr="epoch",
        running_average=args["running_average"],
        grace_time=args["grace_time"],
        grace_population=args["grace_population"],
    )


MAKERS: dict[str, Callable[[int, dict[str, Any]], Any]] = {
    "asha_stopping": lambda seed, args: hyperband("stopping", seed, args),
    "asha_promotion": lambda seed, args: hyperband("promotion", seed, args),
    "synchronous_hyperband": synchronous,
    "median_stopping": median,
}


def arguments(name: str, rng: random.Random) -> dict[str, Any]:
    """Draw the arguments of a scheduler."""
    factor = rng.choice([2, 3, 4])
    rungs = rng.choice([2, 3])
    args = {
        "max_resource": factor**rungs,
        "reduction_factor": factor,
        "grace_period": 1,
        "workers": rng.choice([1, 2, 4]),
    }
    if name.startswith("asha") and rng.random() < 0.3:
        args["max_resource"] += rng.randint(1, factor)
    if name == "median_stopping":
        args |= {
            "running_average": rng.random() < 0.5,
            "grace_time": rng.choice([1, 2]),
            "grace_population": rng.choice([1, 2, 5]),
        }
    if name == "synchronous_hyperband":
        args["brackets"] = rng.randint(1, rungs)
    return args


class World:
    """The tuner's side: free slots, running trials, what each reports next."""

    def __init__(self, scheduler: Any, args: dict[str, Any], rng: random.Random) -> None:
        self.scheduler, self.args, self.rng = scheduler, args, rng
        self.trials: list[Trial] = []
        self.levels: list[int] = []
        self.running: list[int] = []
        # Few different losses make ties.
        self.ties = rng.random() < 0.3

    def step(self) -> list[Step]:
        """Let one thing happen; return it with what was decided."""
        if len(self.running) < self.args["workers"]:
            return [self.slot()]
        trial = self.rng.choice(self.running)
        if self.rng.random() < 0.02:
            self.running.remove(trial)
            self.scheduler.on_trial_error(self.trials[trial])
            return [[["failed", trial], []]]
        return self.report(trial)

    def slot(self) -> Step:
        """A slot is free."""
        suggestion = self.scheduler.suggest(len(self.trials))
        if suggestion.spawn_new_trial_id:
            trial = len(self.trials)
            self.trials.append(Trial(trial, suggestion.config, NOW))
            self.levels.append(0)
            self.scheduler.on_trial_add(self.trials[trial])
            kind = "start"
        else:
            trial, kind = suggestion.checkpoint_trial_id, "resume"
            if suggestion.config is not None:
                self.trials[trial] = Trial(trial, suggestion.config, NOW)
        self.running.append(trial)
        return [["slot"], [kind, trial, self.trials[trial].config.get("epochs")]]

    def report(self, trial: int) -> list[Step]:
        """A running trial reports its next level."""
        self.levels[trial] += 1
        level = self.levels[trial]
        loss = self.rng.randrange(4) / 4 if self.ties else round(self.rng.random(), 6)
        result = {"loss": loss, "epoch": level}
        decision = self.scheduler.on_trial_result(self.trials[trial], dict(result))
        steps: list[Step] = [[["report", trial, level, loss], [decision.lower()]]]
        if level == self.args["max_resource"]:
            self.scheduler.on_trial_complete(self.trials[trial], dict(result))
            steps.append([["completed", trial], []])
        if decision != "CONTINUE" or level == self.args["max_resource"]:
            self.running.remove(trial)
        return steps


def stream(name: str, number: int) -> dict[str, Any]:
    """Return one recorded stream."""
    rng = random.Random(f"{name}/{number}")
    args = arguments(name, rng)
    world = World(MAKERS[name](number, args), args, rng)
    steps: list[Step] = []
    while len(steps) < STEPS:
        steps += world.step()
    return {"args": args, "steps": steps}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    for name in MAKERS:
        lines = [json.dumps(stream(name, number)) for number in range(STREAMS)]
        data = "".join(line + "\n" for line in lines).encode()
        # Without a time stamp: recorded again, the file is the same.
        (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(data, 9, mtime=0))
