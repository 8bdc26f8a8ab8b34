"""What train.py can be given: the hyperparameters to tune, and the constants with their defaults.

Imported by the definition and by the training script, so it must not import torch.

Invariants (tests/benchmarks/test_mlp_fashionmnist.py holds each one):
- importing it loads no torch;
- the script's arguments are exactly the keys of the space and of ``CONSTANTS``;
- the space is the original's, bound for bound, unless ``max_units`` makes the layers smaller.

Source: the space of the original benchmark, Syne Tune's perceptron on Fashion-MNIST.
"""

from __future__ import annotations

from collections.abc import Mapping

from pytest_synebench.space import Domain, loguniform, randint, uniform

LEAST_UNITS, MOST_UNITS = 4, 1024
LAYERS = ("n_units_1", "n_units_2")

ORIGINAL: dict[str, Domain] = {
    "n_units_1": randint(LEAST_UNITS, MOST_UNITS),
    "n_units_2": randint(LEAST_UNITS, MOST_UNITS),
    "batch_size": randint(8, 128),
    "dropout_1": uniform(0, 0.99),
    "dropout_2": uniform(0, 0.99),
    "learning_rate": loguniform(1e-6, 1),
    "weight_decay": loguniform(1e-8, 1),
}

#: Arguments that are not tuned; sizes at which an epoch costs about two CPU seconds.
CONSTANTS: dict[str, bool | int | str] = {
    "epochs": 9,
    "dataset_path": "",  # folder with the files of Fashion-MNIST; "" trains on digits
    "report_current_best": False,  # report the best epoch so far instead of the last one
    "train_examples": 10_000,  # the first so many; 0: all of them
    "valid_examples": 5_000,
}


def space(params: Mapping[str, int]) -> dict[str, Domain]:
    """Return the domains to tune: the original's, with layers of at most ``max_units``.

    Args:
        params: read for ``max_units``, from ``LEAST_UNITS`` to ``MOST_UNITS``.
    """
    widths = randint(LEAST_UNITS, params["max_units"])
    return {**ORIGINAL, **dict.fromkeys(LAYERS, widths)}
