"""Ray Tune 2.60.0, a function trainable; ``--reuse 1`` keeps the worker processes.

``ray.init`` is outside the measured wall time; what it costs is in ``init_s``.
"""

import os
import shutil
import tempfile
import time

from outcome import Outcome, arguments

os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray  # reads its settings from the environment
from ray import tune


class Watch(tune.Callback):
    """Told of each report in the driver."""

    def __init__(self, outcome):
        self.outcome = outcome

    def on_trial_result(self, iteration, trials, trial, result, **info):
        """Note it."""
        self.outcome.decided(result["at"])


def train(config):
    """The body of scripts.py as a function."""
    if config["torch"]:
        import torch  # noqa: F401
    for epoch in range(1, config["epochs"] + 1):
        if config["epoch_s"]:
            time.sleep(config["epoch_s"])
        metrics = {"epoch": epoch, "loss": config["x"] + 1 / epoch}
        tune.report({**metrics, "at": time.monotonic()})


def main():
    """Run it."""
    args = arguments(("reuse", 0))
    outcome = Outcome(args.out)
    began_s = time.monotonic()
    # A short path: those of the sockets below it may have 107 bytes.
    temporary = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    ray.init(
        num_cpus=args.workers,
        include_dashboard=False,
        log_to_driver=False,
        _temp_dir=temporary,
    )
    outcome.more["init_s"] = time.monotonic() - began_s
    space = {"x": tune.uniform(0, 1), "epochs": args.epochs, "epoch_s": args.epoch_s}
    tuner = tune.Tuner(
        tune.with_resources(train, {"cpu": 1}),
        param_space={**space, "torch": args.torch},
        tune_config=tune.TuneConfig(
            metric="loss", mode="min", num_samples=args.trials, reuse_actors=bool(args.reuse)
        ),
        run_config=tune.RunConfig(storage_path=args.work, callbacks=[Watch(outcome)], verbose=0),
    )
    with outcome:
        results = tuner.fit()
    if results.num_errors:
        raise SystemExit(f"{results.num_errors} trials failed")
    ray.shutdown()
    shutil.rmtree(temporary, ignore_errors=True)


if __name__ == "__main__":
    main()
