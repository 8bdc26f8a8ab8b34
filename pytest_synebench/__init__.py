"""Hyperparameter optimisation as a test suite.

Names are loaded on first use: importing this package loads neither numpy nor pytest, since every
trial imports it. Domains are in ``pytest_synebench.space``, script helpers in
``pytest_synebench.training``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_synebench.definition import Benchmark, product, variant
    from pytest_synebench.errors import (
        BenchmarkError,
        CheckpointError,
        SynebenchError,
        TrialError,
        UsageError,
    )
    from pytest_synebench.experiment.store.results import load_runs
    from pytest_synebench.plugin.declare import benchmark, extend
    from pytest_synebench.plugin.running import run

__version__ = "0.1.0"

__all__ = [
    "Benchmark",
    "BenchmarkError",
    "CheckpointError",
    "SynebenchError",
    "TrialError",
    "UsageError",
    "benchmark",
    "extend",
    "load_runs",
    "product",
    "run",
    "variant",
]

_HOMES = {
    "Benchmark": "definition",
    "variant": "definition",
    "product": "definition",
    "benchmark": "plugin.declare",
    "extend": "plugin.declare",
    "load_runs": "experiment.store.results",
    "run": "plugin.running",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = importlib.import_module(f"{__name__}.{_HOMES.get(name, 'errors')}")
    return getattr(module, name)
