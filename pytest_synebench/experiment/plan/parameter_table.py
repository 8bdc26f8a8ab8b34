"""The one table of parameters, and how layers of values resolve over it.

Command-line options, ``--help``, ini values, error messages and the reference in the guide are
generated from it. A benchmark adds its own parameters by its ``default_params``; their kind is
the type of their default.

Invariants (tests/experiment/plan/test_parameter_table.py):
- the strongest layer that has a key wins, falsy values (0, "", False) included;
- a key that no layer below declares is refused by name, with the one it is most like.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.plan.parameters import Kind, Parameter, kind_of, near
from pytest_synebench.schedulers import catalog as schedulers
from pytest_synebench.searchers import catalog as searchers

BACKENDS = ("local",)


def _table(*rows: Parameter) -> dict[str, Parameter]:
    return {row.name: row for row in rows}


GLOBALS: dict[str, Parameter] = _table(
    Parameter(
        name="scheduler",
        default="fifo",
        kind=Kind.STR,
        choices=(*schedulers.NAMES, *schedulers.ALIASES),
        help="decides which trial runs next, and how far",
    ),
    Parameter(
        name="searcher",
        default="random",
        kind=Kind.STR,
        choices=tuple(searchers.NAMES),
        help="suggests the config of a new trial",
    ),
    Parameter(
        name="backend",
        default="local",
        kind=Kind.STR,
        choices=BACKENDS,
        help="where trials run",
    ),
    Parameter(
        name="num_workers",
        default=4,
        kind=Kind.INT,
        minimum=1,
        help="trials that run at the same time, at most",
    ),
    Parameter(
        name="oversubscribe",
        default=False,
        kind=Kind.BOOL,
        help="run num_workers trials at once although the machine has too few processors or GPUs "
        "for them: for trials that mostly wait, or share a GPU",
    ),
    Parameter(
        name="num_trials",
        default=10,
        kind=Kind.INT,
        minimum=1,
        help="trials started, at most, failed ones included",
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
        name="deterministic",
        default=False,
        kind=Kind.BOOL,
        help="reports count in the order of a virtual clock, whatever runs how fast: the same seed "
        "gives the same journal, byte for byte",
    ),
    Parameter(
        name="scheduler_timeout",
        default=None,
        kind=Kind.FLOAT,
        minimum=0,
        optional=True,
        help="seconds after which the experiment ends; a deterministic one is interrupted instead",
    ),
    Parameter(
        name="resource_budget",
        default=None,
        kind=Kind.INT,
        minimum=1,
        optional=True,
        help="resource units (epochs) over all trials after which the experiment ends",
    ),
    Parameter(
        name="target_value",
        default=None,
        kind=Kind.FLOAT,
        optional=True,
        help="the experiment ends when the metric is as good as this",
    ),
    Parameter(
        name="max_failures",
        default=1,
        kind=Kind.INT,
        minimum=0,
        help="failed trials that are put up with; one more ends the experiment",
    ),
    Parameter(
        name="max_retries",
        default=0,
        kind=Kind.INT,
        minimum=0,
        help="times a failed trial is tried again, from its last checkpoint",
    ),
    Parameter(
        name="trial_timeout",
        default=None,
        kind=Kind.FLOAT,
        minimum=0,
        optional=True,
        help="seconds that one attempt of a trial may take",
    ),
    Parameter(
        name="progress_timeout",
        default=3600.0,
        kind=Kind.FLOAT,
        minimum=0,
        optional=True,
        help="seconds that a trial may go without a report before it counts as hanging",
    ),
    Parameter(
        name="checkpointing",
        default="auto",
        kind=Kind.STR,
        choices=("auto", "every", "on", "off"),
        help="auto: at the scheduler's levels, where it pauses trials; on: there, whatever the "
        "scheduler, at every level where it has none; every: at every level; off",
    ),
    Parameter(
        name="threads_per_trial",
        default=None,
        kind=Kind.INT,
        minimum=1,
        optional=True,
        help="threads of a trial's libraries; none: OMP_NUM_THREADS where it is set, else the "
        "processors shared by the workers",
    ),
    Parameter(
        name="num_gpus_per_trial",
        default=1,
        kind=Kind.INT,
        minimum=0,
        help="GPUs that a trial sees, by CUDA_VISIBLE_DEVICES; 0: all of them, which then bound "
        "nothing; without effect where the machine has none",
    ),
    Parameter(
        name="launch",
        default="warm",
        kind=Kind.STR,
        choices=("warm", "cold"),
        help="warm: trials are forked from a process that has imported what the script imports; "
        "cold: each is an interpreter of its own, started from nothing",
    ),
    Parameter(
        name="stop_grace",
        default=10.0,
        kind=Kind.FLOAT,
        minimum=0,
        help="seconds between asking a trial to end (SIGTERM) and ending it (SIGKILL)",
    ),
    Parameter(
        name="log_cap_mb",
        default=50,
        kind=Kind.INT,
        minimum=1,
        help="megabytes kept of a trial's stdout, and of its stderr",
    ),
    Parameter(
        name="report_rate",
        default=1000,
        kind=Kind.INT,
        minimum=1,
        optional=True,
        help="reports per second of one trial beyond which its script waits in its report",
    ),
)


def declared(default_params: Mapping[str, object]) -> dict[str, Parameter]:
    """Return the table that a benchmark's ``default_params`` makes of the global one.

    Raises:
        UsageError: a key is no name, or a default breaks the rule of its parameter.
    """
    table = dict(GLOBALS)
    for name, default in default_params.items():
        if not str(name).isidentifier():
            raise UsageError(
                f"default_params has the key {name!r}; it becomes a command-line option and must "
                "be a name of letters, digits and '_'"
            )
        if name in GLOBALS:
            GLOBALS[name].check(default)
            table[name] = replace(GLOBALS[name], default=default)
        else:
            table[name] = Parameter(name=name, default=default, kind=kind_of(default))
            table[name].check(default)
    return table


def unknown(name: str, table: Mapping[str, Parameter], whose: str) -> UsageError:
    """Return the error for a key that the table does not have."""
    return UsageError(
        f"{whose} has no parameter {name!r}."
        + (near(name, tuple(table)) or f" Known: {', '.join(sorted(table))}")
    )


def resolve(
    table: Mapping[str, Parameter],
    layers: Sequence[tuple[str, Mapping[str, Any]]],
    whose: str,
) -> dict[str, Any]:
    """Return a value for each parameter of the table: the first layer that has the key wins.

    Args:
        table: as ``declared`` made it; its defaults are the lowest layer.
        layers: (what to call it, values) from the strongest down: user, ini, variant.
        whose: what to call the benchmark in an error.

    Raises:
        UsageError: a layer has a key that the table lacks, or a value breaks its rule.
    """
    out = {name: parameter.default for name, parameter in table.items()}
    for layer_name, layer in reversed(layers):
        for name, value in layer.items():
            if name not in table:
                raise unknown(name, table, f"{whose} ({layer_name})")
            table[name].check(value)
            out[name] = value
    return out
