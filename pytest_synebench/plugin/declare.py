"""Declaring a benchmark: ``@benchmark`` and ``extend`` make genuine pytest fixtures.

A benchmark is a session-scoped fixture that returns a ``Benchmark``. What pytest needs to know
beyond a plain fixture (default parameters, variants, where it stands) travels on the fixture's
function as a ``Declaration``; there is no registry here, so nothing outlives a pytest run.

Invariants (tests/plugin/test_declare.py):
- the value is a pytest fixture like any other: it can be overridden, take other fixtures, and be
  asked for by an ordinary test;
- an extension adds to what it extends and changes nothing in it.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest

from pytest_synebench.definition import Benchmark, Variant, variant
from pytest_synebench.errors import BenchmarkError, UsageError
from pytest_synebench.plugin.declaration import Declaration, located

_OF_GATES = "gate"


def benchmark(
    function: Callable[..., Benchmark] | None = None,
    /,
    *,
    default_params: Mapping[str, Any] | None = None,
    variants: Iterable[Variant] | None = None,
    name: str | None = None,
) -> Any:
    """Make a benchmark of a function: a session-scoped fixture, parametrised by its variants.

    The function takes ``params`` (every parameter, resolved) and any further fixtures by name.

    Args:
        function: the function, when used without arguments.
        default_params: its parameters and their defaults; each becomes a command-line option.
        variants: as ``variant`` and ``product`` make them; one called ``base`` where left out.
        name: of the fixture and the benchmark; the function's where left out.

    Raises:
        BenchmarkError: two variants share an id, the function is a generator, or its name is that
            of gates.
    """

    def decorate(function: Callable[..., Benchmark]) -> Any:
        code = inspect.unwrap(function).__code__
        where = f"{code.co_filename}:{code.co_firstlineno}"
        declaration = Declaration(
            name=name or function.__name__,
            default_params=dict(default_params or {}),
            variants=_variants(variants if variants is not None else [variant("base")], where),
            where=where,
            function=function,
        )
        if declaration.name == _OF_GATES:
            raise BenchmarkError(
                f"{where}: a benchmark is called {_OF_GATES!r}, which begins the node ids of gates "
                "(synebench::gate::...); give it another name"
            )
        if inspect.isgeneratorfunction(function):
            raise BenchmarkError(
                f"{declaration.where}: {declaration.name} uses yield; return the Benchmark, and "
                "put what must be cleaned up into a fixture of its own that the function takes"
            )
        return _fixture(_calling(function, declaration), declaration, declaration.arguments)

    return decorate if function is None else decorate(function)


def extend(
    name: str,
    *variants: Variant,
    default_params: Mapping[str, Any] | None = None,
    config_space: Mapping[str, Any] | None = None,
    only: bool = False,
) -> Any:
    """Return a fixture that adds to a benchmark of the same name.

    In a conftest: ``lstm = extend("lstm", variant("ours", emsize=512))``.

    Args:
        name: of the benchmark; the extension must be assigned to the same name.
        variants: added; one with a known id takes the place of that one.
        default_params: laid over the benchmark's own; new keys become options too.
        config_space: laid over the benchmark's own, key by key.
        only: whether the benchmark's own variants are dropped.

    Raises:
        BenchmarkError: two of the variants share an id, or ``only`` leaves none.
    """
    caller = sys._getframe(1)
    where = f"{caller.f_code.co_filename}:{caller.f_lineno}"
    if only and not variants:
        raise BenchmarkError(f"{where}: extend({name!r}, only=True) names no variant to keep")
    declaration = Declaration(
        name=name,
        default_params=dict(default_params or {}),
        variants=_variants(variants, where),
        where=where,
        config_space=dict(config_space or {}),
        only=only,
    )

    def override(request: pytest.FixtureRequest, **fixtures: Any) -> Benchmark:  # noqa: ARG001
        return declaration.extended(fixtures[name])

    override.__name__ = name
    override.__doc__ = f"{name}, extended: {', '.join(v.id for v in variants) or 'defaults'}."
    override.__module__ = caller.f_globals.get("__name__", "")
    return _fixture(override, declaration, (name,))


def _calling(
    function: Callable[..., Benchmark], declaration: Declaration
) -> Callable[..., Benchmark]:
    wanted = set(inspect.signature(function).parameters)

    @functools.wraps(function)
    def wrapper(request: pytest.FixtureRequest, **fixtures: Any) -> Benchmark:
        from pytest_synebench.plugin.choice.selection import requested

        arguments = dict(fixtures)
        if "params" in wanted:
            arguments["params"] = dict(requested(request, declaration).params)
        if "request" in wanted:
            arguments["request"] = request
        try:
            return declaration.built(function(**arguments))
        except UsageError as error:
            raise located(error, declaration) from None

    return wrapper


def _fixture(
    function: Callable[..., Benchmark], declaration: Declaration, fixtures: Sequence[str]
) -> Any:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    # pytest reads the signature to learn which fixtures to pass.
    signature = inspect.Signature([inspect.Parameter(n, kind) for n in ("request", *fixtures)])
    function.__signature__ = signature  # type: ignore[attr-defined] # read by inspect.signature
    function.__synebench__ = declaration  # type: ignore[attr-defined] # read by compat
    return pytest.fixture(scope="session", name=declaration.name)(function)


def _variants(variants: Iterable[Variant], where: str) -> tuple[Variant, ...]:
    several = tuple(variants)
    for one in several:
        if not isinstance(one, Variant):
            raise BenchmarkError(
                f"{where}: a variant is {one!r}; make it with variant('name', key=value)"
            )
    ids = [one.id for one in several]
    for i, known in enumerate(ids):
        if known in ids[:i]:
            raise BenchmarkError(
                f"{where}: two variants are called {known!r}; each needs an id of its own"
            )
    return several
