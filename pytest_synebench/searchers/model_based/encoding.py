"""Our domains as Optuna's distributions, and back; no value outside of the space comes of it.

| domain | distribution |
|---|---|
| ``choice`` | categorical, over the numbers of its categories |
| evenly spread, up to 10,000 values | integers: the number of the value |
| ``lograndint`` | integers on a log scale |
| all else | floats in [0, 1]: the place on the domain's own scale |

A domain of one value is left out: there is nothing to learn. A value beyond the reach of a normal
domain's draws (a point of the user's) is modelled at the end of its scale.

Invariants (tests/searchers/model_based/test_encoding.py holds each one):
- ``decode(encode(config))`` matches the config: exactly in finite domains, else up to rounding;
- whatever parameters Optuna gives, ``decode`` returns a config of the space;
- every parameter that ``encode`` returns is contained in its distribution.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_synebench.space import ConfigSpace, Domain
from pytest_synebench.trial import Config, Scalar

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_MOST_VALUES = 10_000  #: of an evenly spread domain, before its places are modelled instead
#: Functions whose values own equal shares of [0, 1], in order.
_EVEN = frozenset({"randint", "quniform", "qrandint", "finrange", "logfinrange"})


class Encoding:
    """Maps configs of a space to parameters of Optuna's, and back; see the module."""

    def __init__(self, space: ConfigSpace) -> None:
        self._space = space
        self._codes = {
            name: _code_of(domain)
            for name, domain in sorted(space.domains.items())
            if domain.size != 1
        }

    @property
    def empty(self) -> bool:
        """Whether there is nothing to learn: every domain has one value."""
        return not self._codes

    def distributions(self) -> dict[str, BaseDistribution]:
        """Return Optuna's distributions, by the names of the hyperparameters, sorted."""
        return {name: code.distribution() for name, code in self._codes.items()}

    def encode(self, config: Config) -> dict[str, Any]:
        """Return the parameters that stand for a config."""
        return {name: code.encode(config[name]) for name, code in self._codes.items()}

    def decode(self, parameters: Mapping[str, Any]) -> dict[str, Scalar]:
        """Return the config that the parameters stand for."""
        return {
            name: self._codes[name].decode(parameters[name])
            if name in self._codes
            else domain.midpoint()
            for name, domain in self._space.domains.items()
        }


class _Place:
    """A place on the domain's scale."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import FloatDistribution

        return FloatDistribution(0.0, 1.0)

    def encode(self, value: Scalar) -> float:
        return min(max(self._domain.to_unit(value), 0.0), 1.0)

    def decode(self, parameter: float) -> Scalar:
        return self._domain.from_unit(parameter)


class _Number:
    """The number of a value, of values that own equal shares of the scale."""

    def __init__(self, domain: Domain, size: int, *, ordered: bool) -> None:
        self._domain = domain
        self._size = size
        self._ordered = ordered

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import CategoricalDistribution, IntDistribution

        if self._ordered:
            return IntDistribution(0, self._size - 1)
        return CategoricalDistribution(range(self._size))

    def encode(self, value: Scalar) -> int:
        return min(int(self._domain.to_unit(value) * self._size), self._size - 1)

    def decode(self, parameter: float) -> Scalar:
        return self._domain.member(min(max(int(parameter), 0), self._size - 1))


class _LogInteger:
    """An integer itself, on Optuna's own log scale, whose shares are ours."""

    def __init__(self, lower: int, upper: int) -> None:
        self._lower, self._upper = lower, upper

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import IntDistribution

        return IntDistribution(self._lower, self._upper, log=True)

    def encode(self, value: Scalar) -> int:
        return int(value or self._lower)

    def decode(self, parameter: float) -> int:
        return min(max(int(parameter), self._lower), self._upper)


def _code_of(domain: Domain) -> _Place | _Number | _LogInteger:
    made_by = domain.to_json()
    function, size = made_by["domain"], domain.size
    if function == "choice" and size is not None:
        return _Number(domain, size, ordered=False)
    if function == "lograndint":
        return _LogInteger(made_by["lower"], made_by["upper"])
    even = function in _EVEN or (function == "ordinal" and made_by["kind"] == "equal")
    if even and size is not None and size <= _MOST_VALUES:
        return _Number(domain, size, ordered=True)
    return _Place(domain)
