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
from pytest_synebench.experiment.plan.parameters import Parameter, kind_of, near
from pytest_synebench.experiment.plan.rows.budgets import BUDGETS
from pytest_synebench.experiment.plan.rows.jobs import JOBS
from pytest_synebench.experiment.plan.rows.running import RUNNING
from pytest_synebench.experiment.plan.rows.scheduling import SCHEDULING
from pytest_synebench.experiment.plan.rows.searching import SEARCHING

GLOBALS: dict[str, Parameter] = {
    row.name: row for row in (*SCHEDULING, *SEARCHING, *RUNNING, *JOBS, *BUDGETS)
}


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
