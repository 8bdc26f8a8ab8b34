"""A benchmark as it is seen from one place: its declaration, and what extends it on the way.

Invariants (tests/plugin/test_declare.py, tests/plugin/test_variants.py):
- the nearest extension wins, key by key and variant by variant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_synebench.definition import Benchmark, Variant
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.plan.parameter_table import declared
from pytest_synebench.experiment.plan.parameters import Parameter
from pytest_synebench.plugin.declaration import Declaration, located


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A benchmark as it is seen from one place: its declaration and what extends it."""

    name: str
    declarations: tuple[Declaration, ...]  #: from afar to near; the first has the function
    table: Mapping[str, Parameter] = field(repr=False)
    variants: Mapping[str, Variant]

    @property
    def where(self) -> str:
        """file:line of the function."""
        return self.declarations[0].where

    @property
    def self_contained(self) -> bool:
        """Whether it can be evaluated from its parameters alone, without pytest."""
        return not self.declarations[0].needs_request

    def build(self, params: Mapping[str, Any]) -> Benchmark:
        """Return the benchmark that these parameters give.

        Raises:
            BenchmarkError: file, line, benchmark, field, value and the fix.
        """
        first, *extensions = self.declarations
        current = first
        try:
            if first.function is None:
                raise UsageError("there is no function to call")
            benchmark = first.built(first.function(dict(params)))
            for current in extensions:
                benchmark = current.extended(benchmark)
        except UsageError as error:
            raise located(error, current) from None
        return benchmark


def chain(declarations: Sequence[Declaration]) -> Chain:
    """Fold declarations of one name, from afar to near, into what is seen from the nearest.

    Raises:
        UsageError: nothing is there to be extended, or a default breaks its parameter's rule.
    """
    start = max((i for i, d in enumerate(declarations) if not d.extends), default=None)
    if start is None:
        first = declarations[0]
        raise UsageError(
            f"{first.where}: extend({first.name!r}) finds no benchmark of that name to extend; "
            "install the package that has it, or declare it with @benchmark"
        )
    seen = tuple(declarations[start:])
    defaults: dict[str, Any] = {}
    variants: dict[str, Variant] = {}
    for declaration in seen:
        defaults.update(declaration.default_params)
        if declaration.only:
            variants.clear()
        variants.update({one.id: one for one in declaration.variants})
    try:
        table = declared(defaults)
    except UsageError as error:
        raise located(error, seen[-1]) from None
    return Chain(name=seen[0].name, declarations=seen, table=table, variants=variants)
