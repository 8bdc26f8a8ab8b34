"""The options that the chosen benchmarks bring along, generated from the table of parameters.

Invariants (tests/plugin/test_options.py):
- every key of a chosen benchmark's table is an option, or the header says who has taken its name;
- a value that breaks its rule is a usage error, before anything is collected.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import pytest

from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.parameters import Parameter, parse
from pytest_synebench.plugin import compat
from pytest_synebench.plugin.choice.chain import Chain
from pytest_synebench.plugin.choice.options import DEST, LAUNCH


def add_chosen(parser: pytest.Parser, seen: Sequence[Chain]) -> list[str]:
    """Add the options of the chosen benchmarks; return the keys whose name is taken."""
    taken = compat.option_names(parser)
    group = parser.getgroup("synebench-launch", "synebench: what to run")
    conflicts = [key for key in LAUNCH if not _add_launch(group.addoption, key, taken)]
    owners: dict[str, list[Chain]] = {}
    for one in seen:
        for key in one.table:
            owners.setdefault(key, []).append(one)
    for key, chains in owners.items():
        if f"--{key}" in taken or key in LAUNCH:
            conflicts.append(key)
        else:
            _add_parameter(parser, key, chains, taken)
    return conflicts


def _flags(key: str, taken: set[str]) -> list[str]:
    spellings = dict.fromkeys([f"--{key}", f"--{key.replace('_', '-')}"])
    return [flag for flag in spellings if flag not in taken]


def _add_launch(add: Callable[..., None], key: str, taken: set[str]) -> bool:
    if f"--{key}" in taken:
        return False
    metavar, text = LAUNCH[key]
    how = {"action": "store_true"} if metavar is None else {"metavar": metavar}
    add(*_flags(key, taken), dest=DEST + key, default=None, help=text, **how)
    return True


def _add_parameter(
    parser: pytest.Parser, key: str, chains: Sequence[Chain], taken: set[str]
) -> None:
    parameters = [one.table[key] for one in chains]
    if any(parameter is not GLOBALS.get(key) for parameter in parameters):
        names = ", ".join(one.name for one in chains)
        group = parser.getgroup(f"synebench-{names}", f"synebench: parameters of {names}")
    else:
        group = parser.getgroup("synebench-all", "synebench: parameters of every benchmark")
    defaults = ", ".join(dict.fromkeys(repr(parameter.default) for parameter in parameters))
    text = f"{parameters[0].help} (default: {defaults})".strip()
    group.addoption(
        *_flags(key, taken),
        dest=DEST + key,
        default=None,
        metavar=parameters[0].kind.value,
        type=_checked(parameters),
        help=text.replace("%", "%%"),
    )


def _checked(parameters: Sequence[Parameter]) -> Callable[[str], str]:
    """Return what argparse calls with the text: it is kept, since a benchmark's kind decides."""

    def check(text: str) -> str:
        errors = []
        for parameter in parameters:
            try:
                parse(parameter, text)
            except UsageError as error:
                errors.append(str(error))
        if len(errors) == len(parameters):
            raise argparse.ArgumentTypeError(errors[0])
        return text

    return check
