"""Exploring: a config near another one.

Each hyperparameter is, on its own, drawn anew from its domain with a given probability, else moved:
a number by the factor 1.2 or 0.8, each as likely as the other, to the nearest value that the domain
has; a listed value (``ordinal``, ``finrange``, …) to its neighbour up or down. A whole number moves
by one at least. At an end of the domain a value stays. Categories without order are always drawn.

Invariants (tests/schedulers/population/test_exploring.py holds each one):
- the config is one of the space;
- a number is moved by the factor, or to an end, or to the value nearest to it;
- equal generators give equal configs.

Source: Jaderberg et al., arXiv:1711.09846, section 4.1 (perturb by 1.2 or 0.8, resample from the
original distribution). What is not a number on an interval: as in Ray Tune's pbt.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from pytest_synebench.space import ConfigSpace
from pytest_synebench.space.finite import Choice, Listed
from pytest_synebench.trial import Config, Scalar

if TYPE_CHECKING:
    from pytest_synebench.space.domain import Domain

FACTORS = (1.2, 0.8)
_HALVINGS = 64  # of [0, 1]: beyond what a float can tell apart


def explored(space: ConfigSpace, config: Config, rng: Random, resample: float) -> dict[str, Scalar]:
    """Return a config near another one.

    Args:
        space: of both.
        config: the other one, of the space.
        rng: what chance depends on.
        resample: probability that a hyperparameter is drawn anew, 0 to 1.
    """
    found: dict[str, Scalar] = {}
    for name in sorted(space.domains):
        domain = space.domains[name]
        if isinstance(domain, Choice) or rng.random() < resample:
            found[name] = domain.sample(rng)
        else:
            found[name] = moved(domain, config[name], FACTORS[rng.randrange(2)])
    return {name: found[name] for name in space.domains}


def moved(domain: Domain, value: Scalar, factor: float) -> Scalar:
    """Return the value of a domain that lies a factor away from another one.

    >>> from pytest_synebench.space import ordinal, randint, uniform
    >>> moved(uniform(0, 1), 0.5, 1.2), moved(uniform(0, 1), 0.9, 1.2)
    (0.6, 1.0)
    >>> moved(randint(1, 9), 2, 0.8), moved(ordinal(["s", "m", "l"]), "m", 1.2)
    (1, 'l')
    """
    if isinstance(domain, Listed):
        step = 1 if factor > 1 else -1
        at = domain.values.index(domain.cast(value)) + step
        return domain.values[min(max(at, 0), len(domain.values) - 1)]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    target = value * factor
    if isinstance(value, float) and domain.contains(target):
        return domain.cast(target)
    near = _nearest(domain, target)
    if near != value or target == value:
        return near
    # Rounding brought it back: to the next value in that direction.
    if target > value:
        return _around(domain, lambda other: other <= value)[1]
    return _around(domain, lambda other: other < value)[0]


def _nearest(domain: Domain, target: float) -> Scalar:
    below, above = _around(domain, lambda other: other <= target)
    return below if abs(target - _number(below)) <= abs(_number(above) - target) else above


def _around(domain: Domain, is_below: Callable[[float], bool]) -> tuple[Scalar, Scalar]:
    """Return the last value that is below, and the first that is not, or an end for both."""
    low, high = 0.0, 1.0
    if not is_below(_number(domain.from_unit(low))):
        return domain.from_unit(low), domain.from_unit(low)
    if is_below(_number(domain.from_unit(high))):
        return domain.from_unit(high), domain.from_unit(high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if is_below(_number(domain.from_unit(middle))):
            low = middle
        else:
            high = middle
    return domain.from_unit(low), domain.from_unit(high)


def _number(value: Scalar) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
