"""Optuna 5.0.0: its successive halving pruner alone, in memory, in the game of ``game.py``."""

import optuna
from game import options, play


class Player:
    """Its protocol, as the game speaks."""

    def __init__(self):
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
        sampler = optuna.samplers.RandomSampler(seed=1)
        self.study = optuna.create_study(sampler=sampler, pruner=pruner)
        self.trials = []

    def slot(self, number):
        """Return the trial that gets the slot: always a new one."""
        self.trials.append(self.study.ask())
        self.trials[number].suggest_float("x", 0, 1)
        return number

    def report(self, trial, level, loss):
        """Return whether the trial leaves its slot."""
        self.last = loss
        self.trials[trial].report(loss, level)
        if not self.trials[trial].should_prune():
            return False
        self.study.tell(self.trials[trial], state=optuna.trial.TrialState.PRUNED)
        return True

    def ended(self, trial):
        """Take in that a trial came to its end."""
        self.study.tell(self.trials[trial], self.last, skip_if_finished=True)


if __name__ == "__main__":
    play(Player(), options())
