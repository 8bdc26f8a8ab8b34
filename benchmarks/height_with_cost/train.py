"""Evaluate a formula and report every epoch: the script behind height_with_cost.

Runs by hand as well, with what it is given as arguments and nothing else::

    python train.py --width 10 --height -50 --epochs 3

The metric is ``mean_loss``, lower is better. An epoch costs the seconds that ``epoch_cost`` says;
it takes them only with ``--dont_sleep False``. ``cost`` is the sum over the trial's epochs and part
of the checkpoint, ``elapsed_time`` the sum over those of this process: neither is measured, so
equal runs report equal numbers.

Invariants (tests/benchmarks/test_height_with_cost.py holds each one):
- loss and cost are the formula's;
- a resumed run equals an uninterrupted one bit for bit;
- it sleeps the seconds it reports, or not at all;
- it loads the standard library and the job side of pytest-synebench only.

Source: the example of Syne Tune that goes by this name.
"""

from __future__ import annotations

import argparse
import json
import os
import time

# These stand beside this file.
from formula import epoch_cost, mean_loss  # type: ignore[import-not-found]
from space import CONSTANTS, SPACE  # type: ignore[import-not-found]

from pytest_synebench.training import (
    Reporter,
    add_checkpointing_to_argparse,
    add_to_argparse,
    checkpoint_model_at_rung_level,
    parse_bool,
    resume_from_checkpointed_model,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def objective(config: dict[str, Any]) -> None:
    """Go through the epochs, from the checkpoint if there is one."""
    state = {"epoch": 0, "cost": 0.0}

    def load(path: str) -> int:
        with open(os.path.join(path, "state.json"), encoding="utf-8") as file:
            state.update(json.load(file))
        return int(state["epoch"])

    def save(path: str, epoch: int) -> None:
        with open(os.path.join(path, "state.json"), "w", encoding="utf-8") as file:
            json.dump({**state, "epoch": epoch}, file)

    width, height = config["width"], config["height"]
    report = Reporter()
    elapsed_s, step_s = 0.0, epoch_cost(width, height)
    start = resume_from_checkpointed_model(config, load)
    for epoch in range(start + 1, config["epochs"] + 1):
        if not config["dont_sleep"]:
            time.sleep(step_s)
        state["cost"] += step_s
        elapsed_s += step_s
        checkpoint_model_at_rung_level(config, save, epoch)
        report(
            epoch=epoch,
            mean_loss=mean_loss(width, height, epoch),
            elapsed_time=elapsed_s,
            cost=state["cost"],
        )


def parser() -> argparse.ArgumentParser:
    """Return the parser: one argument per hyperparameter and constant."""
    arguments = argparse.ArgumentParser(description="Evaluate a formula of two integers.")
    add_to_argparse(arguments, SPACE)
    for name, default in CONSTANTS.items():
        kind = parse_bool if isinstance(default, bool) else int
        arguments.add_argument(f"--{name}", type=kind, default=default)
    add_checkpointing_to_argparse(arguments)
    return arguments


if __name__ == "__main__":
    args, _ = parser().parse_known_args()
    objective(vars(args))
