"""Syne Tune 0.16.0, its local back-end: random search, or ASHA (this release has the stopping one).

``--sleep`` is ``Tuner(sleep_time=...)``: 5 s unless given, as Syne Tune's own default.
"""

from outcome import Outcome, arguments
from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend import LocalBackend
from syne_tune.config_space import uniform
from syne_tune.optimizer.baselines import ASHA, RandomSearch
from syne_tune.tuner_callback import TunerCallback


class Watch(TunerCallback):
    """Told of each report, right after the scheduler has decided about it."""

    def __init__(self, outcome):
        self.outcome = outcome

    def on_trial_result(self, trial, status, result, decision):
        """Note it."""
        self.outcome.decided(result["at"])


def _scheduler(args, space):
    if args.asha:
        return ASHA(space, metric="loss", time_attr="epoch", max_t=args.epochs, random_seed=1)
    return RandomSearch(space, metrics=["loss"], random_seed=1)


def main():
    """Run it."""
    args = arguments(("sleep", 5.0))
    space = {"x": uniform(0, 1), "epochs": args.epochs, "epoch_s": args.epoch_s}
    space["megabytes"] = args.megabytes
    outcome = Outcome(args.out)
    tuner = Tuner(
        trial_backend=LocalBackend(entry_point=args.script),
        scheduler=_scheduler(args, space),
        stop_criterion=StoppingCriterion(max_num_trials_started=args.trials),
        wait_trial_completion_when_stopping=True,
        n_workers=args.workers,
        sleep_time=args.sleep,
        callbacks=[Watch(outcome)],
        save_tuner=False,
    )
    with outcome:
        tuner.run()


if __name__ == "__main__":
    main()
