"""Exporters by name: ours, and those that packages add by the entry point ``synebench.exporters``.

An exporter is a function of runs and a place, which writes the runs there and returns a line on
each thing it wrote. To export again replaces what was exported of the same runs, and nothing else.

Invariants (tests/analysis/exporters/test_catalog.py):
- a name that is none is refused with those that are; ours cannot be displaced;
- a missing extra is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TypeAlias, cast

from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.store.results import Runs

Exporter: TypeAlias = Callable[[Runs, str], Iterable[str]]
GROUP = "synebench.exporters"
OURS = {"mlflow": "mlflow", "optuna": "optuna", "tensorboard": "tensorboard"}  #: name, extra


def names() -> list[str]:
    """Return the names of exporters that there are."""
    return sorted({*OURS, *_theirs()})


def _theirs() -> dict[str, EntryPoint]:
    return {one.name: one for one in entry_points(group=GROUP)}


def exporter(name: str) -> Exporter:
    """Return the exporter of a name.

    Raises:
        UsageError: there is none, or what it takes is not installed.
    """
    if name in OURS:
        return cast("Exporter", import_module(f"{__package__}.to_{name}").export)
    theirs = _theirs()
    if name not in theirs:
        near = get_close_matches(name, names(), n=1)
        raise UsageError(
            f"no exporter is called {name!r}; known: {', '.join(names())}"
            + (f". Did you mean {near[0]!r}?" if near else "")
        )
    try:
        return cast("Exporter", theirs[name].load())
    except Exception as error:
        raise UsageError(
            f"the exporter {name!r} of {theirs[name].value} cannot be loaded: {error}"
        ) from error


def needs(name: str, error: ImportError) -> UsageError:
    """Return the error that says what an exporter of ours lacks."""
    return UsageError(
        f"exporting to {name} needs {error.name}: pip install 'pytest-synebench[{OURS[name]}]'"
    )
