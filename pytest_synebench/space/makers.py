"""Domains made anew by the call that made them: read from JSON, or narrowed.

Invariants (tests/space/ holds each one):
- ``domain_from_json(domain.to_json()) == domain``;
- a narrowed domain contains exactly those values of the old one that lie within the new bounds.
"""

from __future__ import annotations

import itertools

from pytest_synebench.errors import UsageError
from pytest_synebench.space.domain import Domain, number, ordered, short
from pytest_synebench.space.finite import Choice, Listed, choice, finrange, logfinrange, ordinal
from pytest_synebench.space.intervals import (
    Float,
    Integer,
    lograndint,
    loguniform,
    randint,
    reverseloguniform,
    uniform,
)
from pytest_synebench.space.normal import qrandn, randn
from pytest_synebench.space.quantised import (
    Quantised,
    qlograndint,
    qloguniform,
    qrandint,
    quniform,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_MAKERS: dict[str, Any] = {
    maker.__name__: maker
    for maker in (
        uniform,
        loguniform,
        reverseloguniform,
        randint,
        lograndint,
        quniform,
        qloguniform,
        qrandint,
        qlograndint,
        randn,
        qrandn,
        choice,
        ordinal,
        finrange,
        logfinrange,
    )
}


def domain_from_json(data: Mapping[str, Any]) -> Domain:
    """Return the domain that ``Domain.to_json`` wrote.

    Raises:
        UsageError: the mapping names no domain known here, or its arguments are not that domain's.
    """
    arguments = dict(data)
    name = arguments.pop("domain", None)
    if name not in _MAKERS:
        raise UsageError(f"domain is {name!r}; it must be one of {', '.join(_MAKERS)}")
    try:
        domain: Domain = _MAKERS[name](**arguments)
    except TypeError:
        raise UsageError(f"{name} does not take the arguments {arguments!r}") from None
    return domain


def restrict_domain(domain: Domain, lower: float, upper: float) -> Domain:
    """Return a domain of the same kind, narrowed to the values from ``lower`` to ``upper``.

    Of a list of rising numbers those within the bounds are kept, as they are: ``finrange`` and
    ``logfinrange`` become an ``ordinal`` of equally likely values.

    Args:
        domain: an interval, multiples, or a list of rising numbers.
        lower: the new lower bound, not below that of the domain.
        upper: the new upper bound, not above that of the domain.

    Raises:
        UsageError: the domain has no bounds or no order, a new bound lies outside of the old ones
            or breaks a rule of the domain, or no value is left.

    Source: ``restrict_domain`` of Syne Tune.

    >>> restrict_domain(loguniform(1e-6, 1), 1e-3, 0.1)
    loguniform(0.001, 0.1)
    """
    if isinstance(domain, Float | Integer | Quantised):
        _check_inside(domain, (domain.lower, domain.upper), (lower, upper))
        return domain_from_json({**domain.to_json(), "lower": lower, "upper": upper})
    values = _rising(domain)
    _check_inside(domain, (values[0], values[-1]), (lower, upper))
    kept = [value for value in values if lower <= value <= upper]
    if not kept:
        raise UsageError(
            f"restrict_domain: {domain!r} has no value from {short(lower)} to {short(upper)}; "
            "widen the bounds"
        )
    return ordinal(kept, domain.to_json().get("kind", "equal"))


def _rising(domain: Domain) -> tuple[Any, ...]:
    """Return the values of a list of rising numbers."""
    if isinstance(domain, Listed) and not isinstance(domain, Choice):
        values: tuple[Any, ...] = domain.values
        numbers = all(number(value) is not None for value in values)
        if numbers and all(a < b for a, b in itertools.pairwise(values)):
            return values
    raise UsageError(
        f"restrict_domain: {domain!r} is no range of numbers; write the domain that is meant"
    )


def _check_inside(domain: Domain, old: tuple[Any, Any], new: tuple[Any, Any]) -> None:
    for name, bound in zip(("lower", "upper"), new, strict=True):
        plain = number(bound)
        if plain is None or not old[0] <= plain <= old[1]:
            raise UsageError(
                f"restrict_domain: {name} is {bound!r}; to narrow {domain!r} it must lie from "
                f"{short(old[0])} to {short(old[1])}"
            )
    ordered("restrict_domain", *new)
