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
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pytest_synebench.definition import Benchmark, Variant, variant
from pytest_synebench.errors import BenchmarkError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What ``@benchmark`` or ``extend`` was told; rides on the fixture's function."""

    name: str
    default_params: Mapping[str, Any]
    variants: tuple[Variant, ...]
    where: str  #: file:line
    function: Callable[..., Benchmark] | None = None  #: None: an extension
    config_space: Mapping[str, Any] = field(default_factory=dict)  #: laid over, by an extension
    only: bool = False  #: an extension that drops the variants it extends

    @property
    def extends(self) -> bool:
        """Whether it adds to a fixture of the same name further away."""
        return self.function is None

    @property
    def arguments(self) -> tuple[str, ...]:
        """The fixtures its function asks for, besides ``params`` and ``request``."""
        if self.function is None:
            return ()
        names = inspect.signature(self.function).parameters
        return tuple(name for name in names if name not in {"params", "request"})

    @property
    def needs_request(self) -> bool:
        """Whether only pytest can call the function: it asks for more than ``params``."""
        return self.function is not None and set(inspect.signature(self.function).parameters) != {
            "params"
        }

    def built(self, benchmark: object) -> Benchmark:
        """Return what its function returned, refused where it is no ``Benchmark``."""
        if not isinstance(benchmark, Benchmark):
            raise BenchmarkError(
                f"{self.where}: {self.name} returned {benchmark!r}; "
                "a benchmark's function returns a pytest_synebench.Benchmark"
            )
        return benchmark

    def extended(self, benchmark: Benchmark) -> Benchmark:
        """Return the benchmark with this extension's ``config_space`` laid over its own."""
        if not self.config_space:
            return benchmark
        return replace(benchmark, config_space={**benchmark.config_space, **self.config_space})


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
        BenchmarkError: two variants share an id, or the function is a generator.
    """

    def decorate(function: Callable[..., Benchmark]) -> Any:
        code = inspect.unwrap(function).__code__
        declaration = Declaration(
            name=name or function.__name__,
            default_params=dict(default_params or {}),
            variants=_variants(variants if variants is not None else [variant("base")]),
            where=f"{code.co_filename}:{code.co_firstlineno}",
            function=function,
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
        variants=_variants(variants),
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


def located(error: UsageError, declaration: Declaration) -> BenchmarkError:
    """Return the error with file, line and benchmark in front, unless they stand there."""
    text = str(error)
    if text.startswith(declaration.where):
        return BenchmarkError(text)
    rule = text.removeprefix(f"{declaration.name}: ")
    return BenchmarkError(f"{declaration.where}: benchmark {declaration.name!r}: {rule}")


def _fixture(
    function: Callable[..., Benchmark], declaration: Declaration, fixtures: Sequence[str]
) -> Any:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    # pytest reads the signature to learn which fixtures to pass.
    signature = inspect.Signature([inspect.Parameter(n, kind) for n in ("request", *fixtures)])
    function.__signature__ = signature  # type: ignore[attr-defined] # read by inspect.signature
    function.__synebench__ = declaration  # type: ignore[attr-defined] # read by compat
    return pytest.fixture(scope="session", name=declaration.name)(function)


def _variants(variants: Iterable[Variant]) -> tuple[Variant, ...]:
    several = tuple(variants)
    for one in several:
        if not isinstance(one, Variant):
            raise BenchmarkError(f"a variant is {one!r}; make it with variant('name', key=value)")
    ids = [one.id for one in several]
    for i, known in enumerate(ids):
        if known in ids[:i]:
            raise BenchmarkError(f"two variants are called {known!r}; each needs an id of its own")
    return several
