"""Syne Tune 0.16.0: its schedulers alone, in the game of ``game.py``."""

import logging
from datetime import UTC, datetime

from game import LEVELS, options, play

logging.disable(logging.CRITICAL)

from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import uniform
from syne_tune.optimizer.baselines import ASHA, RandomSearch

NOW = datetime(2000, 1, 1, tzinfo=UTC)


def _scheduler(name):
    space = {"x": uniform(0, 1), "epochs": LEVELS}
    if name == "fifo":
        return RandomSearch(space, metrics=["loss"], random_seed=1)
    return ASHA(space, metric="loss", time_attr="epoch", max_t=LEVELS, random_seed=1)


class Player:
    """Its protocol, as the game speaks."""

    def __init__(self, scheduler):
        self.scheduler = scheduler
        self.trials = []

    def slot(self, number):
        """Return the trial that gets the slot: always a new one."""
        self.trials.append(Trial(number, self.scheduler.suggest().config, NOW))
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
