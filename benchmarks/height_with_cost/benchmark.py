"""The benchmark ``height_with_cost``: two integers, a formula, and epochs that cost seconds.

Variant ``instant`` runs by default and sleeps never; ``sleeping``, on request, takes its time.

Invariants (tests/benchmarks/test_height_with_cost.py holds each one):
- every variant builds from its own defaults;
- the default command needs nothing but the core, and takes one trial to the last epoch.

Source: the example of Syne Tune that goes by this name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_synebench import Benchmark, benchmark, variant
from pytest_synebench.blackboxes.formula import Formula

from .formula import epoch_cost, mean_loss
from .space import CONSTANTS, SPACE


def simulated(last_level: int) -> Formula:
    """Return what it is simulated by: the formula of its script."""
    return Formula(
        lambda config, epoch, elapsed_s: {
            "mean_loss": mean_loss(config["width"], config["height"], epoch),
            "cost": elapsed_s,
        },
        level_cost_s=lambda config: epoch_cost(config["width"], config["height"]),
        metrics={"mean_loss": "min"},
        last_level=last_level,
    )


@benchmark(  # type: ignore[untyped-decorator] # pytest's fixtures have no public type
    default_params={
        "max_resource_level": CONSTANTS["epochs"],
        # The rungs are 12, 36 and 100, so that one trial of nine gets to the end.
        "grace_period": 12,
        "reduction_factor": 3,
        "scheduler": "asha_promotion",
        "num_trials": 9,
        "num_workers": 2,
        "num_gpus_per_trial": 0,
        "dont_sleep": CONSTANTS["dont_sleep"],
    },
    variants=[
        variant("instant"),
        # Who sleeps needs no processor.
        variant("sleeping", on_request=True, dont_sleep=False, num_workers=4, oversubscribe=True),
    ],
)
def height_with_cost(params: Mapping[str, Any]) -> Benchmark:
    """A formula of two integers, which costs nothing or as long as it says; minimises mean_loss."""
    return Benchmark(
        script=Path(__file__).parent / "train.py",
        config_space={
            **SPACE,
            "dont_sleep": params["dont_sleep"],
            "epochs": params["max_resource_level"],
        },
        metric="mean_loss",
        mode="min",
        resource_attr="epoch",
        max_resource_attr="epochs",
        elapsed_time_attr="elapsed_time",
        cost_attr="cost",
        blackbox=simulated(params["max_resource_level"]),
    )
