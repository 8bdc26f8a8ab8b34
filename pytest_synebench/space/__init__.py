"""The language of configuration spaces: what a hyperparameter may be, and where chance falls.

Standard library only: this folder travels into every trial.

    config_space = {"lr": loguniform(1, 50), "batch_size": randint(8, 256), "epochs": 81}

Source: the names and meanings are those of Ray Tune and Syne Tune, so that spaces carry over.
"""

from pytest_synebench.space.chance import keyed_random
from pytest_synebench.space.config_space import ConfigSpace, domain_from_json
from pytest_synebench.space.domain import Domain
from pytest_synebench.space.finite import choice, finrange, logfinrange, logordinal, ordinal
from pytest_synebench.space.intervals import (
    lograndint,
    loguniform,
    randint,
    reverseloguniform,
    uniform,
)

__all__ = [
    "ConfigSpace",
    "Domain",
    "choice",
    "domain_from_json",
    "finrange",
    "keyed_random",
    "logfinrange",
    "logordinal",
    "lograndint",
    "loguniform",
    "ordinal",
    "randint",
    "reverseloguniform",
    "uniform",
]
