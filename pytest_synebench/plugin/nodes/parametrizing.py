"""Gives the functions that take a benchmark its selections as params.

Invariants (tests/plugin/test_variants.py):
- an ordinary test runs once per variant, those on request left out;
- a variant named by a test's own ``parametrize(..., indirect=True)`` exists, or is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pytest_synebench.errors import SynebenchError
from pytest_synebench.plugin import compat
from pytest_synebench.plugin.choice.chain import Chain, chain
from pytest_synebench.plugin.choice.selection import pick, selections


def visible(definitions: Iterable[Any], name: str) -> Chain | None:
    """Return the benchmark that fixture definitions of one name make, from afar to near.

    None where the nearest is no benchmark, and does not ask for one of its own name.
    """
    seen = []
    for definition in reversed(list(definitions)):
        declaration = compat.declaration_of(definition)
        if declaration is not None:
            seen.append(declaration)
        if name not in definition.argnames:
            break
    return chain(seen[::-1]) if seen else None


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Give each benchmark that a function takes its selections as params."""
    with _told(metafunc):
        for name, seen in _benchmarks(metafunc):
            if not _by_mark(metafunc, name):
                several = selections(metafunc.config, seen)
                params = [pytest.param(one, id=one.id, marks=one.marks) for one in several]
                metafunc.parametrize(name, params, indirect=True, scope="session")


def settle(metafunc: pytest.Metafunc) -> None:
    """Turn what a test's own ``parametrize(..., indirect=True)`` names into selections."""
    with _told(metafunc):
        for name, seen in _benchmarks(metafunc):
            if _by_mark(metafunc, name):
                for call in compat.calls(metafunc):
                    call.params[name] = pick(metafunc.config, seen, call.params[name])


def _benchmarks(metafunc: pytest.Metafunc) -> Iterator[tuple[str, Chain]]:
    for name, definitions in list(compat.fixture_definitions(metafunc).items()):
        seen = visible(definitions, name)
        if seen is not None:
            yield name, seen


def _by_mark(metafunc: pytest.Metafunc, name: str) -> bool:
    marks = metafunc.definition.iter_markers("parametrize")
    return any(name in compat.mark_argnames(mark) for mark in marks)


@contextmanager
def _told(metafunc: pytest.Metafunc) -> Iterator[None]:
    """Turn our errors into a collection error without a traceback, for an ordinary test."""
    try:
        yield
    except SynebenchError as error:
        text = f"{metafunc.definition.nodeid}: {error}"
        raise pytest.fail.Exception(text, pytrace=False) from None
