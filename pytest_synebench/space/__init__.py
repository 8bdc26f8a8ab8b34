"""The language of configuration spaces: what a hyperparameter may be, and where chance falls.

Standard library only: this folder travels into every trial.

    config_space = {"lr": loguniform(1, 50), "batch_size": qrandint(8, 256, 8), "epochs": 81}

Source: the names and meanings are those of Ray Tune and Syne Tune, so that spaces carry over;
docs/guide/spaces.md has the whole language, docs/decisions/0004 says where it departs from them.
"""

from pytest_synebench.space.chance import keyed_random
from pytest_synebench.space.config_space import ConfigSpace, config_space_size
from pytest_synebench.space.domain import Domain
from pytest_synebench.space.finite import choice, finrange, logfinrange, logordinal, ordinal
from pytest_synebench.space.intervals import (
    lograndint,
    loguniform,
    randint,
    reverseloguniform,
    uniform,
)
from pytest_synebench.space.makers import domain_from_json, restrict_domain
from pytest_synebench.space.normal import qrandn, randn
from pytest_synebench.space.quantised import qlograndint, qloguniform, qrandint, quniform

__all__ = [
    "ConfigSpace",
    "Domain",
    "choice",
    "config_space_size",
    "domain_from_json",
    "finrange",
    "keyed_random",
    "logfinrange",
    "logordinal",
    "lograndint",
    "loguniform",
    "ordinal",
    "qlograndint",
    "qloguniform",
    "qrandint",
    "qrandn",
    "quniform",
    "randint",
    "randn",
    "restrict_domain",
    "reverseloguniform",
    "uniform",
]
