"""From declarations and what the user typed to selections: one variant with every parameter set.

A selection is the ``param`` object of a benchmark's fixture. Equal selections are one evaluation
of the fixture, different ones are several, which is pytest's own rule for params.

Invariants (tests/plugin/test_options.py, tests/plugin/test_variants.py):
- the user beats the ini file, which beats the variant, which beats the benchmark, which beats the
  global table; falsy values count;
- an unknown variant is refused with the known ones, wherever it is named;
- a variant on request is selected only by its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_synebench.definition import Variant
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.plan.parameter_table import resolve
from pytest_synebench.experiment.plan.parameters import near, parse
from pytest_synebench.experiment.plan.plan import expand, parse_groups
from pytest_synebench.plugin import loading
from pytest_synebench.plugin.choice.chain import Chain, chain
from pytest_synebench.plugin.choice.typed import Typed, read_typed
from pytest_synebench.plugin.declaration import Declaration, located

_TYPED = pytest.StashKey[Typed]()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Selection:
    """One variant of a benchmark with every parameter resolved."""

    benchmark: str
    variant: str
    params: Mapping[str, Any] = field(hash=False)
    listed: tuple[str, ...] = field(default=(), compare=False)  #: given as lists, in order
    marks: tuple[Any, ...] = field(default=(), compare=False)

    @property
    def id(self) -> str:
        """Variant and listed parameters: unique among the selections of one benchmark."""
        parts = [f"{key}={self.params[key]}" for key in self.listed]
        return "-".join([self.variant, *parts])

    def __repr__(self) -> str:
        return self.id


def remember(config: pytest.Config, typed: Typed) -> None:
    """Keep what the user typed for the rest of the run."""
    config.stash[_TYPED] = typed


def typed_of(config: pytest.Config) -> Typed:
    """Return what the user typed, read again from the ini file where no option was given."""
    if _TYPED not in config.stash:
        config.stash[_TYPED] = read_typed(config)
    return config.stash[_TYPED]


def selections(config: pytest.Config, seen: Chain) -> list[Selection]:
    """Return what is to be evaluated of a benchmark: its chosen variants times the listed values.

    Raises:
        UsageError: an unknown variant or key, or a value that breaks its rule.
    """
    return [one for v in _chosen(config, seen) for one in _of_variant(config, seen, v)]


def _chosen(config: pytest.Config, seen: Chain) -> list[Variant]:
    typed = typed_of(config)
    named = typed.variants
    if not any(name in seen.variants for name in named):
        return [v for v in seen.variants.values() if not v.on_request or v.id in typed.by_id]
    return [seen.variants[name] for name in named if name in seen.variants]


def _of_variant(config: pytest.Config, seen: Chain, variant: Variant) -> list[Selection]:
    typed = typed_of(config)
    lists = {key: parse(seen.table[key], text) for key, text in typed.texts(seen).items()}
    groups = parse_groups(typed.argument_groups)
    grouped = {name for group in groups for name in group}
    setups = expand(lists, groups if grouped & set(lists) else ())
    listed = tuple(key for key, values in lists.items() if len(values) > 1)
    return [
        Selection(
            benchmark=seen.name,
            variant=variant.id,
            params=_resolved(seen, variant, setup),
            listed=listed,
            marks=variant.marks,
        )
        for setup in setups
    ]


def _resolved(seen: Chain, variant: Variant, setup: Mapping[str, Any]) -> dict[str, Any]:
    layers = [
        ("command line and synebench_params", setup),
        (f"variant {variant.id}", variant.overrides),
    ]
    try:
        return resolve(seen.table, layers, f"benchmark {seen.name!r}")
    except UsageError as error:
        mine = [d for d in seen.declarations if any(v.id == variant.id for v in d.variants)]
        by_variant = f"(variant {variant.id})" in str(error)
        raise (located(error, mine[-1]) if by_variant and mine else error) from None


def unknown_variant(name: str, seen: Chain) -> UsageError:
    """Return the error for a variant that a benchmark does not have."""
    known = ", ".join(seen.variants)
    return UsageError(
        f"benchmark {seen.name!r} has no variant {name!r}; known: {known}."
        + near(name, tuple(seen.variants))
    )


def check_variants(config: pytest.Config, seen: Sequence[Chain]) -> None:
    """Refuse a ``--variant`` that names what the chosen benchmarks do not have.

    Raises:
        UsageError: a name no benchmark has, or a benchmark that has none of the names.
    """
    named = typed_of(config).variants
    for name in named:
        if seen and not any(name in one.variants for one in seen):
            raise unknown_variant(name, seen[0])
    for one in seen:
        if named and not any(name in one.variants for name in named):
            raise unknown_variant(named[0], one)


def pick(config: pytest.Config, seen: Chain, param: object) -> Selection:
    """Return the selection that a param stands for: a variant's id, a variant, or a selection.

    Raises:
        UsageError: the param names no variant of the benchmark.
    """
    if isinstance(param, Selection):
        return param
    if not isinstance(param, Variant):
        if not isinstance(param, str) or param not in seen.variants:
            raise unknown_variant(str(param), seen)
        param = seen.variants[param]
    return _of_variant(config, seen, param)[0]


def requested(request: pytest.FixtureRequest, declaration: Declaration) -> Selection:
    """Return the selection that a benchmark's fixture was asked for.

    Raises:
        UsageError: nothing says which of several variants is meant.
    """
    param = getattr(request, "param", None)
    if isinstance(param, Selection):
        return param
    seen = chain(loading.found(request.config).get(declaration.name, [declaration]))
    if param is not None:
        return pick(request.config, seen, param)
    default = [v for v in seen.variants.values() if not v.on_request]
    if len(default) != 1:
        first = next(iter(seen.variants))
        raise UsageError(
            f"fixture {seen.name!r} was asked for without a variant, and has several: "
            f"{', '.join(seen.variants)}. Take it as an argument of the test, or name one: "
            f"@pytest.mark.parametrize({seen.name!r}, [{first!r}], indirect=True)"
        )
    return pick(request.config, seen, default[0])
