"""Blackboxes: what a benchmark is simulated by, in place of training: tables and formulas.

Names are loaded on first use: a definition that imports one module loads no numpy with it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_synebench.blackboxes.description import Description
    from pytest_synebench.blackboxes.formula import Formula
    from pytest_synebench.blackboxes.nearest import NearestRow
    from pytest_synebench.blackboxes.protocol import Blackbox, Point
    from pytest_synebench.blackboxes.rows import Rows
    from pytest_synebench.blackboxes.synthetic import Synthetic
    from pytest_synebench.blackboxes.table import Table

_HOMES = {
    "Blackbox": "protocol",
    "Description": "description",
    "Formula": "formula",
    "NearestRow": "nearest",
    "Point": "protocol",
    "Rows": "rows",
    "Synthetic": "synthetic",
    "Table": "table",
}

__all__ = [
    "Blackbox",
    "Description",
    "Formula",
    "NearestRow",
    "Point",
    "Rows",
    "Synthetic",
    "Table",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
