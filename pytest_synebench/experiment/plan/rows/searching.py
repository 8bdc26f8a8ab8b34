"""Where the configs of new trials come from."""

from __future__ import annotations

from pytest_synebench.experiment.plan.parameters import Kind, Parameter
from pytest_synebench.searchers import catalog as searchers

SEARCHING = (
    Parameter(
        name="searcher",
        default="random",
        kind=Kind.STR,
        choices=(*searchers.NAMES, searchers.EXTERNAL, *searchers.ALIASES),
        refuse=searchers.check_name,
        help="suggests the config of a new trial; installed packages may add to these",
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
    Parameter(
        name="searcher_command",
        default="",
        kind=Kind.STR,
        help="external: the program that is asked for configs, with its arguments",
    ),
    Parameter(
        name="searcher_timeout",
        default=60.0,
        kind=Kind.FLOAT,
        minimum=0,
        help="external: seconds within which each answer must come",
    ),
    Parameter(
        name="searcher_allow_duplicates",
        default=False,
        kind=Kind.BOOL,
        help="a config of a finite space may be suggested again (not by grid)",
    ),
    Parameter(
        name="searcher_num_samples",
        default=5,
        kind=Kind.INT,
        minimum=1,
        help="grid: values per interval, from bound to bound",
    ),
    Parameter(
        name="searcher_shuffle",
        default=True,
        kind=Kind.BOOL,
        help="grid: in an order drawn from the seed; else the first argument varies slowest",
    ),
    Parameter(
        name="searcher_num_init_random",
        default=10,
        kind=Kind.INT,
        minimum=1,
        help="searchers with a model: configs that are those of random, points included, before "
        "the model begins",
    ),
    Parameter(
        name="searcher_random_fraction",
        default=None,
        kind=Kind.FLOAT,
        minimum=0,
        optional=True,
        help="searchers with a model: share of the later configs that are those of random all the "
        "same, at most 1; none: 1/3 (BOHB's) under a scheduler that stops or pauses trials, else 0",
    ),
    Parameter(
        name="searcher_population_size",
        default=None,
        kind=Kind.INT,
        minimum=1,
        optional=True,
        help="evolution: the youngest trials that may have children; none: 100",
    ),
    Parameter(
        name="searcher_sample_size",
        default=None,
        kind=Kind.INT,
        minimum=1,
        optional=True,
        help="evolution: of them as many are drawn, and the best has a child; none: 10",
    ),
)
