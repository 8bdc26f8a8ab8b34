"""What a domain is: the set of values one hyperparameter may take, and how chance falls on it.

A domain remembers the call that made it (``loguniform``, lower 1, upper 50). Its ``repr``, its
JSON form and its equality are all taken from that call, so they cannot disagree.

Invariants (tests/space/ holds each one):
- what ``sample``, ``midpoint``, ``from_unit`` and ``grid`` return is contained in the domain;
- ``from_unit(to_unit(v)) == v`` in finite domains, in intervals up to float rounding; where there
  are no bounds, ``to_unit(from_unit(p)) == p`` up to float rounding;
- ``domain_from_json(domain.to_json()) == domain``, and so is ``eval(repr(domain))``.
"""

from __future__ import annotations

import math

from pytest_synebench.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than a trial may spend
    from random import Random
    from typing import Any, TypeAlias

    Scalar: TypeAlias = float | int | str | bool | None


class Domain:
    """The values one hyperparameter may take. Immutable; made by the functions of this package."""

    __slots__ = ("_arguments", "_function")

    def __init__(self, function: str, arguments: dict[str, Any]) -> None:
        self._function = function
        self._arguments = arguments

    @property
    def value_type(self) -> type:
        """The type of every value but None, ``object`` where they have no type in common."""
        raise NotImplementedError

    @property
    def size(self) -> int | None:
        """How many values there are; None: a continuum."""
        raise NotImplementedError

    def sample(self, rng: Random) -> Scalar:
        """Return a value drawn from the domain's distribution."""
        raise NotImplementedError

    def midpoint(self) -> Scalar:
        """Return the middle in the domain's own scale; of categories without order, the first."""
        raise NotImplementedError

    def contains(self, value: object) -> bool:
        """Return whether the value is one of the domain's. Never raises."""
        raise NotImplementedError

    def cast(self, value: object) -> Scalar:
        """Return the domain's own form of a value it contains (1 becomes 1.0 in a float domain).

        Raises:
            UsageError: the domain does not contain the value.
        """
        if not self.contains(value):
            raise UsageError(f"{value!r} is not in {self!r}; {self._rule()}")
        return self._own(value)

    def to_unit(self, value: object) -> float:
        """Return the place of a value in [0, 1], in the domain's own scale."""
        raise NotImplementedError

    def from_unit(self, place: float) -> Scalar:
        """Return the value at a place; places outside of [0, 1] count as the nearer end."""
        raise NotImplementedError

    def grid(self, num: int) -> list[Scalar]:
        """Return values spread evenly from end to end: ``num`` of an interval, all of a list."""
        raise NotImplementedError

    def member(self, index: int) -> Scalar:
        """Return value number ``index``, 0 <= index < size, of a finite domain."""
        raise NotImplementedError

    def match_string(self, value: object) -> str:
        """Return a text that is equal for values to be taken for equal (floats: 7 digits)."""
        value = self.cast(value)
        return f"{value:.6e}" if isinstance(value, float) else repr(value)

    def to_json(self) -> dict[str, Any]:
        """Return a mapping of JSON types from which ``domain_from_json`` makes an equal domain."""
        return {"domain": self._function, **self._arguments}

    def _own(self, value: Any) -> Scalar:
        """Return the domain's own form of a value it contains."""
        raise NotImplementedError

    def _rule(self) -> str:
        """Say what a value must be."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Domain) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        shown = [_shown(name, value) for name, value in self._arguments.items()]
        return f"{self._function}({', '.join(shown)})"


def _shown(name: str, value: object) -> str:
    positional = name in {"lower", "upper", "size", "categories", "q", "mean", "sd"}
    return short(value) if positional else f"{name}={value!r}"


def short(value: object) -> str:
    """Return a number as one would type it: 50.0 as ``50``."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value)


def number(value: object) -> float | None:
    """Return a plain int or float for what is a number (NumPy scalars too), else None."""
    if type(value) in {int, float}:
        return value  # type: ignore[return-value] # narrowed by the line above
    if isinstance(value, str | bytes) or type(value).__name__ in {"bool", "bool_"}:
        return None
    try:
        return value.__index__()  # type: ignore[attr-defined, no-any-return] # tried, not known
    except (AttributeError, TypeError):
        pass
    try:
        return float(value.__float__())  # type: ignore[attr-defined] # tried, not known
    except (AttributeError, TypeError):
        return None


def float_bound(function: str, name: str, value: object) -> float:
    """Return a bound as a float.

    Raises:
        UsageError: it is no finite number.
    """
    plain = number(value)
    try:
        bound = math.nan if plain is None else float(plain)
    except OverflowError:
        bound = math.inf
    if not math.isfinite(bound):
        raise UsageError(f"{function}: {name} is {value!r}; it must be a finite number")
    return bound + 0.0  # so that -0.0 is 0.0


def ordered(function: str, lower: float, upper: float) -> None:
    """Refuse a lower bound above the upper one."""
    if lower > upper:
        raise UsageError(
            f"{function}: lower is {short(lower)}, above upper, which is {short(upper)}; swap them"
        )


def spread(domain: Domain, num: int) -> list[Scalar]:
    """Return ``num`` values of an interval from end to end; of those that match, the first."""
    if num < 1:
        raise UsageError(f"a grid of {num} values was asked for; ask for 1 or more")
    if num == 1:
        return [domain.midpoint()]
    values: dict[str, Scalar] = {}
    for i in range(num):
        value = domain.from_unit(i / (num - 1))
        values.setdefault(domain.match_string(value), value)
    return list(values.values())
