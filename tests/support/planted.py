"""A script that has everything to remember, and ten that each forget one of it.

Nothing but Python: momentum, a schedule, a best value, noise of its own, an order that is shuffled
on, dropout with its own generator, averaged weights, gradients that wait for a step, a counter of
bad epochs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from toy_plan import toy_params

from pytest_synebench.definition import Benchmark
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.space import uniform

SCRIPT = """
import argparse
import json
import os
import random

from pytest_synebench.training import (
    Reporter,
    add_checkpointing_to_argparse,
    checkpoint_model_at_rung_level,
    resume_from_checkpointed_model,
)

FORGOTTEN = ()
POINTS = [(x / 8, 3 * x / 8 - 1) for x in range(8)]


class Dropout:
    def __init__(self):
        self.generator = random.Random(5)

    def __call__(self, value):
        return value if self.generator.random() > 0.1 else 0.0


def tuples(value):
    return tuple(map(tuples, value)) if isinstance(value, list) else value


def save(path, epoch):
    held = {
        "epoch": epoch,
        **state,
        "noise": noise.getstate(),
        "dropout": dropout.generator.getstate(),
    }
    for name in FORGOTTEN:
        del held[name]
    with open(os.path.join(path, "state.json"), "w") as file:
        json.dump(held, file)


def load(path):
    with open(os.path.join(path, "state.json")) as file:
        held = json.load(file)
    for name, generator in (("noise", noise), ("dropout", dropout.generator)):
        if name in held:
            generator.setstate(tuples(held.pop(name)))
    epoch = held.pop("epoch", 0)
    state.update(held)
    return epoch


def train_one_epoch(epoch):
    random.Random(epoch).shuffle(state["order"])
    for i in state["order"]:
        x, y = POINTS[i]
        miss = state["weights"][0] * dropout(x) + state["weights"][1] - y
        for j, slope in enumerate((miss * x + noise.gauss(0, 0.01), miss)):
            state["accumulated"][j] += slope
        state["pending"] += 1
        if state["pending"] == 3:
            step()
    state["ema"] = [0.7 * a + 0.3 * w for a, w in zip(state["ema"], state["weights"])]


def step():
    state["pending"] = 0
    for j in range(2):
        state["velocity"][j] = 0.9 * state["velocity"][j] - state["lr"] * state["accumulated"][j]
        state["weights"][j] += state["velocity"][j]
        state["accumulated"][j] = 0.0


def loss_of(weights):
    return sum((weights[0] * x + weights[1] - y) ** 2 for x, y in POINTS) / len(POINTS)


def judge(loss):
    if loss < state["best"]:
        state["best"], state["bad_epochs"] = loss, 0
    else:
        state["bad_epochs"] += 1
    if state["bad_epochs"] == 2:
        state["bad_epochs"] = 0
        state["weights"] = [0.5 * w for w in state["weights"]]


parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float, required=True)
parser.add_argument("--epochs", type=int, required=True)
add_checkpointing_to_argparse(parser)
config = vars(parser.parse_args())
noise, dropout = random.Random(3), Dropout()
state = {
    "weights": [0.0, 0.0],
    "velocity": [0.0, 0.0],
    "lr": 0.05 * (1 + config["x"]),
    "best": 1e9,
    "order": list(range(8)),
    "ema": [0.0, 0.0],
    "accumulated": [0.0, 0.0],
    "pending": 0,
    "bad_epochs": 0,
}
report = Reporter()
start = resume_from_checkpointed_model(config, load)
for epoch in range(start + 1, config["epochs"] + 1):
    train_one_epoch(epoch)
    loss = loss_of(state["ema"]) + 0.3 * (epoch % 4 in (3, 0))
    judge(loss)
    state["lr"] *= 0.9
    checkpoint_model_at_rung_level(config, save, epoch)
    report(epoch=epoch, loss=loss, best=state["best"])
"""

#: What each of the ten forgets, and what must stand in its hint, and in no other's.
FORGETFUL = {
    "velocity": "the optimiser's state",
    "lr": "the learning-rate schedule",
    "best": "the best value so far",
    "noise": "a generator of random numbers of the script's own",
    "order": "the order of the data",
    "epoch": "the epoch counter",
    "dropout": "the generator that dropout draws from",
    "ema": "the moving average (EMA) of the weights",
    "accumulated": "the gradient accumulator",
    "bad_epochs": "the early-stopping counter",
}


def forgetting(name: str) -> str:
    """Return the script that leaves something out of its checkpoints."""
    return SCRIPT.replace("FORGOTTEN = ()", f"FORGOTTEN = ({name!r},)")


def planted_plan(folder: Path, script: str = SCRIPT, **more: Any) -> Plan:
    """Return a plan of a script that takes ``x`` and ``epochs``; fields are the benchmark's."""
    (folder / "train.py").write_text(script)
    fields = {key: more.pop(key) for key in ("horizon", "elapsed_time_attr") if key in more}
    definition = Benchmark(
        script=folder / "train.py",
        config_space={"x": uniform(0, 1), "epochs": more.pop("epochs", 6)},
        metric="loss",
        resource_attr="epoch",
        max_resource_attr="epochs",
        **fields,
    )
    params = toy_params(scheduler="asha_promotion", oversubscribe=True) | more
    return Plan(benchmark="toy", variant="one", params=params, definition=definition)
