"""Multiples of a step q within bounds: floats and integers, on a linear or a logarithmic scale.

Value number k is k * q, so all that the scale decides, it decides about k: ``quniform`` is
``randint`` of k, ``qloguniform`` is ``lograndint`` of k. Nothing is listed: 2**40 multiples cost
what ten do. Each multiple owns the stretch from half a step below to half a step above it, so that
the first and the last get their whole share; rounding a uniform draw would give them half of it.

Invariants (tests/space/ holds each one):
- a value is the float nearest to k * q in decimal: 3 steps of 0.1 are 0.3;
- values are within the bounds, which need not be multiples themselves.
"""

from __future__ import annotations

from pytest_synebench.errors import UsageError
from pytest_synebench.space.domain import Domain, float_bound, number, ordered, short, spread
from pytest_synebench.space.intervals import MOST, Integer, integer_bound, positive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from random import Random

    from pytest_synebench.space.domain import Scalar


class Step:
    """The multiples of a step: number k is k * q, exact in decimal.

    Args:
        q: the step; an int makes integers, a float floats.
    """

    __slots__ = ("_over", "_under", "_whole")

    def __init__(self, q: float) -> None:
        self._whole = isinstance(q, int)
        self._over, self._under = _fraction(q)

    def at(self, k: int) -> float:
        """Return multiple number ``k``."""
        # Divided once, at the end: k * 0.1 would carry the error of 0.1 along.
        return k * self._over if self._whole else k * self._over / self._under

    def nearest(self, value: float) -> int:
        """Return the number of the multiple nearest to a value, the even one of two."""
        over, under = _fraction(value)
        half = under * self._over
        k, rest = divmod(2 * over * self._under + half, 2 * half)
        return k if rest else k - k % 2

    def within(self, lower: float, upper: float) -> tuple[int, int]:
        """Return the numbers of the first multiple from ``lower`` on and the last to ``upper``."""
        first, last = self.nearest(lower), self.nearest(upper)
        return first + (self.at(first) < lower), last - (self.at(last) > upper)


def _fraction(value: float) -> tuple[int, int]:
    """Return a number as the fraction that its shortest text means: 0.1 is 1/10."""
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, decimals = mantissa.partition(".")
    power = int(exponent or 0) - len(decimals)
    return int(whole + decimals) * 10 ** max(power, 0), 10 ** max(-power, 0)


def step(function: str, q: object, *, whole: bool = False) -> float:
    """Return a step as a float, or as an int if ``whole``.

    Raises:
        UsageError: it is no finite (or whole) number, not above 0, or near an end of the floats.
    """
    checked = integer_bound(function, "q", q) if whole else float_bound(function, "q", q)
    # Further out, 2**40 steps overflow, or floats are too coarse to tell multiples apart.
    if not 1e-290 <= checked <= 1e290:
        raise UsageError(
            f"{function}: q is {q!r}; a step must be above 0 (and from 1e-290 to 1e290)"
        )
    return checked


class Quantised(Domain):
    """The multiples of a step from ``lower`` to ``upper``; see the module."""

    __slots__ = ("_numbers", "_step", "lower", "upper")

    def __init__(self, function: str, bounds: tuple[object, object], q: object) -> None:
        whole = function in {"qrandint", "qlograndint"}
        bound = integer_bound if whole else float_bound
        self.lower: float = bound(function, "lower", bounds[0])
        self.upper: float = bound(function, "upper", bounds[1])
        ordered(function, self.lower, self.upper)
        log = function in {"qloguniform", "qlograndint"}
        if log:
            positive(function, self.lower)
        checked = step(function, q, whole=whole)
        super().__init__(function, {"lower": self.lower, "upper": self.upper, "q": checked})
        self._step = Step(checked)
        self._numbers = self._numbered("lograndint" if log else "randint")

    def _numbered(self, scale: str) -> Integer:
        first, last = self._step.within(self.lower, self.upper)
        if first > last:
            raise UsageError(
                f"{self!r}: no multiple of q lies within the bounds; widen them or make q smaller"
            )
        if max(abs(first), abs(last)) > MOST:
            raise UsageError(
                f"{self!r}: the bounds lie more than 2**40 steps from 0; make q greater"
            )
        return Integer(scale, first, last)

    @property
    def value_type(self) -> type:
        """Int of the integer functions, else float."""
        return type(self.lower)

    @property
    def size(self) -> int:
        """How many multiples there are."""
        return self._numbers.size

    def sample(self, rng: Random) -> float:
        """Return a multiple, each with the share of the scale it owns."""
        return self._step.at(self._numbers.sample(rng))

    def midpoint(self) -> float:
        """Return the multiple in the middle, between the first and the last, on the scale."""
        return self._step.at(self._numbers.midpoint())

    def contains(self, value: object) -> bool:
        """Return whether it is a multiple, as exact as ``sample`` gives it, within the bounds."""
        plain = number(value)
        if plain is None or not self.lower <= plain <= self.upper:
            return False
        return self._step.at(self._step.nearest(plain)) == plain

    def to_unit(self, value: object) -> float:
        """Return the middle of the stretch that a multiple owns."""
        return self._numbers.to_unit(self._place(value))

    def from_unit(self, place: float) -> float:
        """Return the multiple that owns a place."""
        return self._step.at(self._numbers.from_unit(place))

    def grid(self, num: int) -> list[Scalar]:
        """Return at most ``num`` multiples evenly spread on the scale; all, if there are fewer."""
        if self.size <= num:
            return [self.member(i) for i in range(self.size)]
        return spread(self, num)

    def member(self, index: int) -> float:
        """Return multiple number ``index`` from below."""
        return self._step.at(self._numbers.member(index))

    def match_string(self, value: object) -> str:
        """Return the value as Python writes it: no two multiples match."""
        return repr(self.cast(value))

    def _place(self, value: object) -> int:
        return self._step.nearest(number(self.cast(value)) or 0)

    def _own(self, value: object) -> float:
        return self._step.at(self._step.nearest(number(value) or 0))

    def _rule(self) -> str:
        q = short(self._arguments["q"])
        return f"it must be a multiple of {q} from {short(self.lower)} to {short(self.upper)}"


def quniform(lower: float, upper: float, q: float) -> Quantised:
    """Return the multiples of ``q`` from ``lower`` to ``upper``, each equally likely.

    Args:
        lower: no value is below it; need not be a multiple.
        upper: no value is above it; need not be a multiple.
        q: the step, > 0.

    Raises:
        UsageError: a bound is not finite, lower is above upper, q is not above 0, no multiple lies
            within the bounds, or one that does is more than 2**40 steps from 0.

    >>> quniform(0, 1, 0.1).from_unit(0.3)
    0.3
    """
    return Quantised("quniform", (lower, upper), q)


def qloguniform(lower: float, upper: float, q: float) -> Quantised:
    """Return the multiples of ``q`` from ``lower`` > 0 to ``upper``, on a log scale.

    Arguments and errors are those of ``quniform``, and lower must be above 0.

    >>> qloguniform(0.1, 10, 0.1).midpoint()
    1.0
    """
    return Quantised("qloguniform", (lower, upper), q)


def qrandint(lower: int, upper: int, q: int) -> Quantised:
    """Return the integers from ``lower`` to ``upper`` that are multiples of ``q``.

    Arguments and errors are those of ``quniform``, and all three must be whole numbers.

    >>> qrandint(8, 64, 8).grid(99)
    [8, 16, 24, 32, 40, 48, 56, 64]
    """
    return Quantised("qrandint", (lower, upper), q)


def qlograndint(lower: int, upper: int, q: int) -> Quantised:
    """Return the integers from ``lower`` >= 1 that are multiples of ``q``, on a log scale.

    Arguments and errors are those of ``qrandint``, and lower must be above 0.

    >>> qlograndint(8, 512, 8).midpoint()
    64
    """
    return Quantised("qlograndint", (lower, upper), q)
