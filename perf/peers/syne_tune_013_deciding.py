"""Syne Tune 0.13.0: its schedulers alone, in the game of ``game.py``."""

import logging
from datetime import UTC, datetime

from game import LEVELS, options, play

logging.disable(logging.CRITICAL)

from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import uniform
from syne_tune.optimizer.schedulers import FIFOScheduler, HyperbandScheduler, MedianStoppingRule

NOW = datetime(2000, 1, 1, tzinfo=UTC)


def _scheduler(name):
    common = {"searcher": "random", "metric": "loss", "mode": "min", "random_seed": 1}
    space = {"x": uniform(0, 1), "epochs": LEVELS}
    if name.startswith("asha"):
        return HyperbandScheduler(
            space,
            type=name.removeprefix("asha_"),
            resource_attr="epoch",
            max_resource_attr="epochs",
            **common,
        )
    fifo = FIFOScheduler(space, **common)
    return fifo if name == "fifo" else MedianStoppingRule(fifo, resource_attr="epoch")


class Player:
    """Its protocol, as the game speaks."""

    def __init__(self, scheduler):
        self.scheduler = scheduler
        self.trials = []

    def slot(self, number):
        """Return the trial that gets the slot."""
        suggestion = self.scheduler.suggest(number)
        if not suggestion.spawn_new_trial_id:
            return suggestion.checkpoint_trial_id
        self.trials.append(Trial(number, suggestion.config, NOW))
        self.scheduler.on_trial_add(self.trials[number])
        return number

    def report(self, trial, level, loss):
        """Return whether the trial leaves its slot."""
        self.last = {"loss": loss, "epoch": level}
        return self.scheduler.on_trial_result(self.trials[trial], self.last) != "CONTINUE"

    def ended(self, trial):
        """Take in that a trial came to its end."""
        self.scheduler.on_trial_complete(self.trials[trial], self.last)


if __name__ == "__main__":
    given = options()
    play(Player(_scheduler(given.scheduler)), given)
