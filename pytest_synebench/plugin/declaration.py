"""What a declaration of a benchmark says, whoever asks: a record that rides on a fixture.

Invariants (tests/plugin/test_declare.py):
- an extension adds to what it extends and changes nothing in it;
- an error names file and line, and the benchmark, once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pytest_synebench.definition import Benchmark, Variant
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


def located(error: UsageError, declaration: Declaration) -> BenchmarkError:
    """Return the error with file, line and benchmark in front, unless they stand there."""
    text = str(error)
    if text.startswith(declaration.where):
        return BenchmarkError(text)
    rule = text.removeprefix(f"{declaration.name}: ")
    return BenchmarkError(f"{declaration.where}: benchmark {declaration.name!r}: {rule}")
