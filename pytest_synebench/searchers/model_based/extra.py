"""Says what is missing for a searcher, before anything starts.

Invariants (tests/searchers/model_based/test_extra.py holds each one):
- one error names the searcher, the package and the command that installs it;
- nothing is imported to find out.
"""

from __future__ import annotations

from importlib import metadata
from importlib.util import find_spec

from pytest_synebench.errors import UsageError

_OLDEST = {"optuna": 5}  #: major versions: constraints of trials, running trials in the GP


def require(searcher: str, *packages: str) -> None:
    """Refuse a searcher whose packages are not there, or too old.

    Raises:
        UsageError: with the command that installs them.
    """
    for package in packages:
        if find_spec(package) is None:
            raise UsageError(
                f"searcher {searcher} needs the package {package}, which is not installed; "
                f"{_command()}, or choose --searcher random"
            )
        version = metadata.version(package)
        if int(version.split(".")[0]) < _OLDEST.get(package, 0):
            raise UsageError(
                f"searcher {searcher} needs {package} {_OLDEST[package]}.0 or newer, and {version} "
                f"is installed; {_command()}"
            )


def _command() -> str:
    return "pip install 'pytest-synebench[bo]'"
