"""Where the configs of new trials come from."""

from __future__ import annotations

from pytest_synebench.experiment.plan.parameters import Kind, Parameter
from pytest_synebench.searchers import catalog as searchers

SEARCHING = (
    Parameter(
        name="searcher",
        default="random",
        kind=Kind.STR,
        choices=tuple(searchers.NAMES),
        help="suggests the config of a new trial",
    ),
    Parameter(
        name="points_to_evaluate",
        default=None,
        kind=Kind.JSON,
        help="configs to evaluate first; none: the midpoint of the space; []: no such config",
    ),
    Parameter(
        name="random_seed_offset",
        default=0,
        kind=Kind.OFFSET,
        help="seed = (offset + run id) mod 2**32; 'random' draws one and prints it",
    ),
)
