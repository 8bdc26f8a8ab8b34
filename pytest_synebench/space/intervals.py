"""Intervals of floats and of integers, on a linear, a logarithmic or a reversed log scale.

Integers are spread so that each one owns the stretch of the scale from half below to half above
it: ``randint`` is uniform, and the ends of ``lograndint`` get their whole share, not half of it.

Invariants (tests/space/ holds each one):
- no rounding takes a value past a bound;
- both bounds of an integer interval can be drawn.
"""

from __future__ import annotations

import math

from pytest_synebench.errors import UsageError
from pytest_synebench.space.domain import Domain, float_bound, number, ordered, short, spread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from pytest_synebench.space.domain import Scalar

#: Beyond this, floats no longer tell neighbouring integers of a log scale apart.
MOST = 2**40


def _same(x: float) -> float:
    return x


def _reverse_log(x: float) -> float:
    return -math.log1p(-x)


def _from_reverse_log(y: float) -> float:
    return -math.expm1(-y)


class Float(Domain):
    """All floats from ``lower`` to ``upper``, evenly spread on a scale."""

    __slots__ = ("_backward", "_forward", "lower", "upper")

    def __init__(self, function: str, lower: object, upper: object) -> None:
        self.lower = float_bound(function, "lower", lower)
        self.upper = float_bound(function, "upper", upper)
        ordered(function, self.lower, self.upper)
        super().__init__(function, {"lower": self.lower, "upper": self.upper})
        self._forward, self._backward = _FLOAT_SCALES[function]

    @property
    def value_type(self) -> type:
        """Float."""
        return float

    @property
    def size(self) -> int | None:
        """None, but 1 where both bounds are equal."""
        return 1 if self.lower == self.upper else None

    def sample(self, rng: Random) -> float:
        """Return a value drawn evenly on the scale."""
        return self.from_unit(rng.random())

    def midpoint(self) -> float:
        """Return the middle of the scale: arithmetic, geometric, or that of 1 - x."""
        if self._function == "uniform":
            middle = self.lower + (self.upper - self.lower) / 2
        elif self._function == "loguniform":
            middle = _geometric_mean(self.lower, self.upper)
        else:
            middle = 1.0 - _geometric_mean(1.0 - self.lower, 1.0 - self.upper)
        return self._clipped(middle)

    def contains(self, value: object) -> bool:
        """Return whether it is a number within the bounds, these included."""
        plain = number(value)
        return plain is not None and self.lower <= plain <= self.upper

    def to_unit(self, value: object) -> float:
        """Return the place of a value in [0, 1] on the scale."""
        value = self._own(self.cast(value))
        start, width = self._stretch()
        return min(max((self._forward(value) - start) / width, 0.0), 1.0) if width else 0.0

    def from_unit(self, place: float) -> float:
        """Return the value at a place of the scale."""
        if place <= 0 or place >= 1:
            return self.upper if place >= 1 else self.lower
        start, width = self._stretch()
        # Rounding in log and exp may leave the interval by the last bit.
        return self._clipped(self._backward(start + place * width))

    def grid(self, num: int) -> list[Scalar]:
        """Return ``num`` values evenly spread on the scale, both bounds among them."""
        return spread(self, num)

    def member(self, index: int) -> float:  # noqa: ARG002 - there is one
        """Return the one value of an interval whose bounds are equal."""
        return self.lower

    def _stretch(self) -> tuple[float, float]:
        start = self._forward(self.lower)
        return start, self._forward(self.upper) - start

    def _clipped(self, value: float) -> float:
        return min(max(value, self.lower), self.upper)

    def _own(self, value: object) -> float:
        return float(number(value) or 0.0)

    def _rule(self) -> str:
        return f"it must be a number from {short(self.lower)} to {short(self.upper)}"


_FLOAT_SCALES: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "uniform": (_same, _same),
    "loguniform": (math.log, math.exp),
    "reverseloguniform": (_reverse_log, _from_reverse_log),
}


def _geometric_mean(a: float, b: float) -> float:
    product = a * b
    # The root of the product is the more exact form; the product of the roots cannot overflow.
    return math.sqrt(product) if 1e-290 < product < 1e290 else math.sqrt(a) * math.sqrt(b)


class Integer(Domain):
    """All integers from ``lower`` to ``upper``, both included."""

    __slots__ = ("_log", "lower", "upper")

    def __init__(self, function: str, lower: object, upper: object) -> None:
        self.lower = integer_bound(function, "lower", lower)
        self.upper = integer_bound(function, "upper", upper)
        ordered(function, self.lower, self.upper)
        super().__init__(function, {"lower": self.lower, "upper": self.upper})
        self._log = function == "lograndint"

    @property
    def value_type(self) -> type:
        """Int."""
        return int

    @property
    def size(self) -> int:
        """How many integers there are."""
        return self.upper - self.lower + 1

    def sample(self, rng: Random) -> int:
        """Return an integer, each with the share of the scale it owns."""
        return self.from_unit(rng.random()) if self._log else rng.randint(self.lower, self.upper)

    def midpoint(self) -> int:
        """Return the middle of the scale, rounded; a half goes to the even integer."""
        if self._log:
            return round(_geometric_mean(self.lower, self.upper))
        return round((self.lower + self.upper) / 2)

    def contains(self, value: object) -> bool:
        """Return whether it is a whole number within the bounds."""
        plain = number(value)
        return plain is not None and self.lower <= plain <= self.upper and plain == int(plain)

    def to_unit(self, value: object) -> float:
        """Return the middle of the stretch that an integer owns."""
        value = self._own(self.cast(value))
        if not self._log:
            return (value - self.lower + 0.5) / self.size
        start, width = self._stretch()
        return (math.log(value) - start) / width

    def from_unit(self, place: float) -> int:
        """Return the integer that owns a place."""
        place = min(max(place, 0.0), 1.0)
        if not self._log:
            return min(self.lower + int(place * self.size), self.upper)
        start, width = self._stretch()
        return min(max(round(math.exp(start + place * width)), self.lower), self.upper)

    def grid(self, num: int) -> list[Scalar]:
        """Return at most ``num`` integers evenly spread on the scale; all, if there are fewer."""
        if 1 <= self.size <= num:
            return list(range(self.lower, self.upper + 1))
        return spread(self, num)

    def member(self, index: int) -> int:
        """Return integer number ``index`` from below."""
        return self.lower + index

    def _stretch(self) -> tuple[float, float]:
        start = math.log(self.lower - 0.5)
        return start, math.log(self.upper + 0.5) - start

    def _own(self, value: object) -> int:
        return int(number(value) or 0)

    def _rule(self) -> str:
        return f"it must be a whole number from {self.lower} to {self.upper}"


def integer_bound(function: str, name: str, value: object) -> int:
    """Return a bound as an int.

    Raises:
        UsageError: it is no whole number, or beyond 2**40.
    """
    plain = number(value)
    if plain is None or not math.isfinite(plain) or plain != int(plain):
        raise UsageError(f"{function}: {name} is {value!r}; it must be a whole number")
    if abs(plain) > MOST:
        raise UsageError(f"{function}: {name} is {value!r}; it must lie within 2**40 of 0")
    return int(plain)


def uniform(lower: float, upper: float) -> Float:
    """Return the floats from ``lower`` to ``upper``, evenly spread.

    Raises:
        UsageError: a bound is not finite, or lower is above upper.

    >>> uniform(0, 0.99).midpoint()
    0.495
    """
    domain = Float("uniform", lower, upper)
    if not math.isfinite(domain.upper - domain.lower):
        raise UsageError(f"{domain!r}: upper - lower overflows a float; narrow it")
    return domain


def loguniform(lower: float, upper: float) -> Float:
    """Return the floats from ``lower`` > 0 to ``upper``, their logarithm evenly spread.

    Raises:
        UsageError: a bound is not finite or not positive, or lower is above upper.

    >>> loguniform(1, 100).midpoint()
    10.0
    """
    positive("loguniform", float_bound("loguniform", "lower", lower))
    return Float("loguniform", lower, upper)


def reverseloguniform(lower: float, upper: float) -> Float:
    """Return the floats from ``lower`` >= 0 to ``upper`` < 1, log(1 - x) evenly spread.

    Made for quantities close to 1, such as a momentum.

    Raises:
        UsageError: 0 <= lower <= upper < 1 does not hold.

    >>> round(reverseloguniform(0.9, 0.999).midpoint(), 6)
    0.99
    """
    domain = Float("reverseloguniform", lower, upper)
    if not 0 <= domain.lower <= domain.upper < 1:
        raise UsageError(f"{domain!r}: 0 <= lower <= upper < 1 must hold")
    return domain


def randint(lower: int, upper: int) -> Integer:
    """Return the integers from ``lower`` to ``upper``, both included, evenly spread.

    Raises:
        UsageError: a bound is no whole number or beyond 2**40, or lower is above upper.

    >>> randint(4, 1024).midpoint()
    514
    """
    return Integer("randint", lower, upper)


def lograndint(lower: int, upper: int) -> Integer:
    """Return the integers from ``lower`` >= 1 to ``upper``, both included, on a log scale.

    Raises:
        UsageError: a bound is no whole number, below 1 or beyond 2**40, or lower is above upper.

    >>> lograndint(16, 1024).midpoint()
    128
    """
    positive("lograndint", integer_bound("lograndint", "lower", lower))
    return Integer("lograndint", lower, upper)


def positive(function: str, lower: float) -> None:
    """Refuse a lower bound that a log scale does not have."""
    if lower <= 0:
        raise UsageError(
            f"{function}: lower is {short(lower)}; a log scale has no place for 0 and below: "
            "give the bound itself, not its logarithm"
        )
