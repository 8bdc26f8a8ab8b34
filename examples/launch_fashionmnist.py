"""Tunes a perceptron on Fashion-MNIST from a plain Python script, without pytest's command line.

    python examples/launch_fashionmnist.py [--variant tiny] [--num_trials 9] ...

The benchmark brings the script, the space, metric and mode, and defaults for the rest; whatever is
given here is laid over them. Runs are kept in ``.synebench``, as those of the command line are.
"""

from __future__ import annotations

import argparse

import pytest_synebench
from pytest_synebench.space import loguniform


def main() -> None:
    """Run an experiment, and show what was found."""
    parser = argparse.ArgumentParser(description="Tune a perceptron on Fashion-MNIST.")
    parser.add_argument("--variant", default="mlp", help="mlp, tiny or full")
    parser.add_argument("--dataset_name", default="auto", help="auto, fashion-mnist or digits")
    parser.add_argument("--scheduler", default="asha_promotion")
    parser.add_argument("--num_trials", type=int, default=9)
    parser.add_argument("--num_workers", type=int, default=2)
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    args = parser.parse_args()

    result = pytest_synebench.run(
        "mlp_fashionmnist",
        variant=args.variant,
        resume=args.resume,
        progress=print,
        # If you do not like an entry of the default space, change it here.
        config_space={"learning_rate": loguniform(1e-5, 1e-1)},
        # Parameters, as on the command line.
        scheduler=args.scheduler,
        num_trials=args.num_trials,
        num_workers=args.num_workers,
        dataset_name=args.dataset_name,
        random_seed_offset=31415927,
    )

    for trial in result.trials:
        curve = " ".join(f"{-report.loss:.3f}" for report in trial.reports)
        print(f"trial {trial.id:2} {trial.state.value:9} {curve}")
    print("best:", result.best_config)


if __name__ == "__main__":
    main()
