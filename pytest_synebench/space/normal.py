"""Numbers that are normally distributed: no bounds, a mean and a standard deviation.

The unit interval is the distribution function, so equal stretches of it are equally likely. Its
ends are as far as chance goes: a generator draws multiples of 2**-53, and the first of them is 8.2
standard deviations from the mean. Further out, every number is contained, but none is ever drawn.

Invariants (tests/space/ holds each one):
- every value drawn is finite, and the median draw is the mean itself;
- a place comes back from its value, up to float rounding;
- a value of ``qrandn`` is the float nearest to a multiple of q in decimal.
"""

from __future__ import annotations

import math

from pytest_synebench.errors import UsageError
from pytest_synebench.space.domain import Domain, float_bound, number, short
from pytest_synebench.space.intervals import MOST
from pytest_synebench.space.quantised import Step, step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from random import Random

    from pytest_synebench.space.domain import Scalar

_FIRST = 2.0**-53
_FURTHEST = 9  #: standard deviations that no draw reaches
_LARGEST = 1.7976931348623157e308
_STEPS = 5  #: of Newton's method; 4 leave an error of 5e-14, 5 none but rounding


class Normal(Domain):
    """All finite floats, normally distributed."""

    __slots__ = ("mean", "sd")

    def __init__(self, function: str, mean: object, sd: object, **further: float) -> None:
        self.mean = float_bound(function, "mean", mean)
        self.sd = float_bound(function, "sd", sd)
        super().__init__(function, {"mean": self.mean, "sd": self.sd, **further})
        if self.sd <= 0:
            raise UsageError(
                f"{self!r}: sd, the standard deviation, must be above 0; use a constant for a "
                "single value"
            )
        if not math.isfinite(self._reach()):
            raise UsageError(f"{self!r}: overflows a float; make mean or sd smaller")

    def _reach(self) -> float:
        """Return a distance from 0 within which every draw falls."""
        return abs(self.mean) + _FURTHEST * self.sd

    @property
    def value_type(self) -> type:
        """Float."""
        return float

    @property
    def size(self) -> None:
        """None: there is no end of values."""
        return

    def sample(self, rng: Random) -> float:
        """Return a value drawn from the normal distribution."""
        return self.from_unit(rng.random())

    def midpoint(self) -> float:
        """Return the mean."""
        return self.from_unit(0.5)

    def contains(self, value: object) -> bool:
        """Return whether it is a finite number."""
        plain = number(value)
        return plain is not None and abs(plain) <= _LARGEST

    def to_unit(self, value: object) -> float:
        """Return the probability of a lesser value."""
        return _below((self._own(self.cast(value)) - self.mean) / self.sd)

    def from_unit(self, place: float) -> float:
        """Return the value below which a draw falls with the probability ``place``."""
        return self.mean + self.sd * _quantile(min(max(place, _FIRST), 1 - _FIRST))

    def grid(self, num: int) -> list[Scalar]:
        """Return the middles of ``num`` equally likely stretches; of those that match, one."""
        if num < 1:
            raise UsageError(f"a grid of {num} values was asked for; ask for 1 or more")
        values = [self.from_unit((i + 0.5) / num) for i in range(num)]
        return list({self.match_string(value): value for value in values}.values())

    def _own(self, value: object) -> float:
        return float(number(value) or 0.0)

    def _rule(self) -> str:
        return "it must be a finite number"


class QuantisedNormal(Normal):
    """The multiples of a step, normally distributed: each takes what rounds to it."""

    __slots__ = ("_step",)

    def __init__(self, mean: object, sd: object, q: object) -> None:
        checked = step("qrandn", q)
        super().__init__("qrandn", mean, sd, q=checked)
        self._step = Step(checked)
        if self._reach() / checked > MOST:
            raise UsageError(
                f"{self!r}: draws may lie more than 2**40 steps from 0; make q greater"
            )

    def contains(self, value: object) -> bool:
        """Return whether it is a multiple, as exact as ``sample`` gives it, within 2**40 steps."""
        plain = number(value)
        if plain is None or not abs(plain) <= MOST * self._arguments["q"]:
            return False
        return self._own(value) == plain

    def from_unit(self, place: float) -> float:
        """Return the multiple nearest to the value of the plain normal distribution."""
        return self._own(super().from_unit(place))

    def match_string(self, value: object) -> str:
        """Return the value as Python writes it: no two multiples match."""
        return repr(self.cast(value))

    def _own(self, value: object) -> float:
        return self._step.at(self._step.nearest(number(value) or 0))

    def _rule(self) -> str:
        return f"it must be a multiple of {short(self._arguments['q'])}, within 2**40 of them"


def _below(z: float) -> float:
    """Return the distribution function of the standard normal distribution."""
    return math.erfc(-z / math.sqrt(2)) / 2


def _quantile(place: float) -> float:
    """Return the z at which ``_below(z)`` is ``place``, 0 < place < 1.

    Newton's method for log(below(z)) = log(place), in the lower half. That function is rising and
    concave, and below(z) <= exp(-z * z / 2) / 2 makes the start too low: from there it only rises.
    """
    if place > 0.5:
        return -_quantile(1 - place)
    z = -math.sqrt(-2 * math.log(2 * place)) if place < 0.5 else 0.0
    for _ in range(_STEPS):
        below = _below(z)
        z += math.log(place / below) * below * math.sqrt(2 * math.pi) * math.exp(z * z / 2)
    return z


def randn(mean: float, sd: float) -> Normal:
    """Return the finite floats, normally distributed.

    Args:
        mean: the middle.
        sd: the standard deviation, > 0.

    Raises:
        UsageError: mean or sd is not finite, sd is not above 0, or draws would overflow.

    >>> randn(3, 0.5).midpoint()
    3.0
    """
    return Normal("randn", mean, sd)


def qrandn(mean: float, sd: float, q: float) -> QuantisedNormal:
    """Return the multiples of ``q``, normally distributed: a draw is rounded to the nearest one.

    Args:
        mean: the middle; need not be a multiple.
        sd: the standard deviation before rounding, > 0.
        q: the step, > 0.

    Raises:
        UsageError: as for ``randn``; q is not above 0, or draws may be beyond 2**40 steps.

    >>> qrandn(0, 1, 0.1).from_unit(0.6)
    0.3
    """
    return QuantisedNormal(mean, sd, q)
