"""What decides which trial runs next, and how far."""

from __future__ import annotations

from pytest_synebench.experiment.plan.parameters import Kind, Parameter
from pytest_synebench.schedulers import catalog as schedulers

SCHEDULING = (
    Parameter(
        name="scheduler",
        default="fifo",
        kind=Kind.STR,
        choices=schedulers.known(),
        instead=schedulers.instead,
        help="decides which trial runs next, and how far",
    ),
    Parameter(
        name="max_resource_level",
        default=None,
        kind=Kind.INT,
        minimum=1,
        optional=True,
        help="last resource level (epoch) of a trial",
    ),
    Parameter(
        name="grace_period",
        default=1,
        kind=Kind.INT,
        minimum=1,
        help="first level at which ASHA compares trials",
    ),
    Parameter(
        name="reduction_factor",
        default=3,
        kind=Kind.INT,
        minimum=2,
        help="ASHA lets one trial in this many go on to the next level",
    ),
    Parameter(
        name="rung_levels",
        default=None,
        kind=Kind.LEVELS,
        optional=True,
        help="levels at which ASHA compares trials, instead of those that grace_period and "
        "reduction_factor give",
    ),
)
