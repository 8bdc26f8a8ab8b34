"""Syne Tune 0.13.0, its local back-end: random search, or ASHA that pauses and resumes.

It is the last release that has the promotion variant. A trial gets the next rung as its number of
epochs (``max_resource_attr``), so its script ends there by itself.
``--sleep`` is ``Tuner(sleep_time=...)``: 5 s unless given, as Syne Tune's own default.
"""

from outcome import Outcome, arguments
from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend import LocalBackend
from syne_tune.config_space import uniform
from syne_tune.optimizer.schedulers import FIFOScheduler, HyperbandScheduler
from syne_tune.tuner_callback import TunerCallback


class Watch(TunerCallback):
    """Told of each report, right after the scheduler has decided about it."""

    def __init__(self, outcome):
        self.outcome = outcome

    def on_trial_result(self, trial, status, result, decision):
        """Note it."""
        self.outcome.decided(result["at"])


def _scheduler(args, space):
    if not args.asha:
        return FIFOScheduler(space, searcher="random", metric="loss", mode="min", random_seed=1)
    return HyperbandScheduler(
        space,
        searcher="random",
        metric="loss",
        mode="min",
        random_seed=1,
        type="promotion",
        resource_attr="epoch",
        max_resource_attr="epochs",
        grace_period=1,
        reduction_factor=3,
    )


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
