"""Writes the reference of parameters for the guide, from the table that the options come from.

``python -m pytest_synebench.experiment.plan.reference > docs/guide/parameters.md``
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.parameters import Parameter, show

_HEAD = """\
# Parameters

Every benchmark has these. A benchmark's `default_params` may give one another default, and add
parameters of its own: `pytest --synebench NAME --help` lists them all. Strongest first, a value
comes from the command line (`--num_workers 2`, or `--synebench-set [NAME.]num_workers=2`, which
always works), the ini option `synebench_params`, the variant, the benchmark's `default_params`,
and this table.

A comma list (`--num_workers 2,4`) makes one experiment per value and stands in its id; several
lists make their product, `--argument_groups "num_workers num_trials"` lets lists move together.
Write `\\,` for a comma inside a text.

| parameter | default | a value is | meaning |
|---|---|---|---|
"""


def markdown(table: Mapping[str, Parameter] = GLOBALS) -> str:
    """Return the reference page."""
    return _HEAD + "".join(map(_row, table.values()))


def _row(parameter: Parameter) -> str:
    value = ", ".join(f"`{c}`" for c in parameter.choices) or parameter.rule
    default = "none" if parameter.default is None else show(parameter, parameter.default)
    return f"| `{parameter.name}` | `{default}` | {value} | {parameter.help} |\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
