"""Lists of values: categories, ordered or not, and evenly spaced numbers.

Invariants (tests/space/ holds each one):
- values keep the type they were given in: ``True`` is not ``1``;
- a list holds each value once; numbers that round to one integer are one value.
"""

from __future__ import annotations

import itertools
import math

from pytest_synebench.errors import UsageError
from pytest_synebench.space.domain import Domain, float_bound, number, ordered, short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from pytest_synebench.space.domain import Scalar

_KINDS = ("nn", "nn-log", "equal")


def check_scalar(what: str, value: object) -> None:
    """Refuse what can be neither an argument on a command line nor strict JSON.

    Raises:
        UsageError: the value is no plain scalar, or not finite.
    """
    if type(value) not in {str, int, float, bool, type(None)}:
        raise UsageError(
            f"{what} is {value!r}, a {type(value).__name__}; it must be a plain str, int, float, "
            "bool or None (a list can be written as JSON text)"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{what} is {value!r}, which is not finite; write it as text, '{value}'")
    if isinstance(value, str) and not _writable(value):
        raise UsageError(
            f"{what} is {value!r}; no command line can hold its NUL or surrogate characters; "
            "take them out"
        )


def _writable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


class Listed(Domain):
    """Values in a list, each equally likely."""

    __slots__ = ("_index", "values")

    def __init__(self, function: str, arguments: dict[str, object], values: list[Scalar]) -> None:
        super().__init__(function, arguments)
        self.values = tuple(values)
        self._index = {repr(value): i for i, value in enumerate(values)}

    @property
    def value_type(self) -> type:
        """The one type of all values, None aside; float for ints among floats; else ``object``."""
        types: set[type] = {type(value) for value in self.values if value is not None}
        if types == {int, float}:
            return float
        return types.pop() if len(types) == 1 else object if types else type(None)

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.values)

    def sample(self, rng: Random) -> Scalar:
        """Return a value, each equally likely."""
        return self.values[rng.randrange(len(self.values))]

    def midpoint(self) -> Scalar:
        """Return the value in the middle of the list, the later one of two."""
        return self.values[len(self.values) // 2]

    def contains(self, value: object) -> bool:
        """Return whether the value is in the list."""
        return self._find(value) is not None

    def to_unit(self, value: object) -> float:
        """Return the middle of the value's equal share of [0, 1]."""
        return (self._place(value) + 0.5) / len(self.values)

    def from_unit(self, place: float) -> Scalar:
        """Return the value whose equal share holds the place."""
        last = len(self.values) - 1
        return self.values[min(int(max(place, 0.0) * len(self.values)), last)]

    def grid(self, num: int) -> list[Scalar]:  # noqa: ARG002 - a list is its own grid
        """Return all values, whatever ``num``."""
        return list(self.values)

    def member(self, index: int) -> Scalar:
        """Return value number ``index`` of the list."""
        return self.values[index]

    def match_string(self, value: object) -> str:
        """Return the value as Python writes it."""
        text = repr(value)
        return text if text in self._index else repr(self.cast(value))

    def _place(self, value: object) -> int:
        place = self._find(self.cast(value))
        return 0 if place is None else place

    def _find(self, value: object) -> int | None:
        """Return the number of a value in the list; 1.0 finds 1, but neither finds True."""
        found = self._index.get(repr(str(value) if isinstance(value, str) else value))
        plain = number(value)
        if found is not None or plain is None:
            return found
        for i, own in enumerate(self.values):
            if own == plain and not isinstance(own, bool):
                return i
        return None

    def _own(self, value: object) -> Scalar:
        return self.values[self._find(value) or 0]

    def _rule(self) -> str:
        return f"it must be one of {', '.join(map(repr, self.values))}"


class Choice(Listed):
    """Categories without order."""

    __slots__ = ()

    def midpoint(self) -> Scalar:
        """Return the first category: where there is no order, the first is the default."""
        return self.values[0]


class Nearest(Listed):
    """Numbers of which each owns the places nearer to it than to its neighbours."""

    __slots__ = ("_forward", "_scaled", "_start", "_width")

    def __init__(self, arguments: dict[str, object], values: list[float], *, log: bool) -> None:
        super().__init__("ordinal", arguments, list(values))
        self._forward: Callable[[float], float] = math.log if log else float
        self._scaled = [self._forward(value) for value in values]
        # Half an average distance beyond each end, so that the end values get their share.
        half = (self._scaled[-1] - self._scaled[0]) / max(len(values) - 1, 1) / 2
        self._start = self._scaled[0] - half
        self._width = self._scaled[-1] + half - self._start
        for value in values:
            if self.from_unit(self.to_unit(value)) != value:
                raise UsageError(
                    f"ordinal: category {value!r} is too near its neighbour for kind "
                    f"{arguments['kind']!r}; use kind='equal'"
                )

    def sample(self, rng: Random) -> Scalar:
        """Return the value nearest to a place drawn evenly on the scale."""
        return self.from_unit(rng.random())

    def midpoint(self) -> Scalar:
        """Return the value nearest to the middle of the scale."""
        return self.from_unit(0.5)

    def to_unit(self, value: object) -> float:
        """Return the place of the value itself on the scale."""
        return (
            (self._scaled[self._place(value)] - self._start) / self._width if self._width else 0.5
        )

    def from_unit(self, place: float) -> Scalar:
        """Return the value nearest to a place of the scale, the lower one of two."""
        at = self._start + min(max(place, 0.0), 1.0) * self._width
        distances = [abs(scaled - at) for scaled in self._scaled]
        return self.values[distances.index(min(distances))]


def _checked(function: str, categories: Sequence[Scalar]) -> list[Scalar]:
    if isinstance(categories, str) or not hasattr(categories, "__iter__"):
        raise UsageError(f"{function}: categories is {categories!r}; it must be a list of values")
    values = list(categories)
    if not values:
        raise UsageError(f"{function}: categories is empty; give at least one value")
    for i, value in enumerate(values):
        check_scalar(f"{function}: categories[{i}]", value)
        for earlier in values[:i]:
            if _alike(value, earlier):
                raise UsageError(
                    f"{function}: categories {earlier!r} and {value!r} are one value, or read the "
                    "same on a command line; keep one"
                )
    return values


def _alike(a: Scalar, b: Scalar) -> bool:
    return str(a) == str(b) or (a == b and isinstance(a, bool) == isinstance(b, bool))


def choice(categories: Sequence[Scalar]) -> Choice:
    """Return categories without order, each equally likely.

    Raises:
        UsageError: no category, one twice, or one that is no plain scalar.

    >>> choice(["relu", "tanh"]).midpoint()
    'relu'
    """
    values = _checked("choice", categories)
    return Choice("choice", {"categories": values}, values)


def ordinal(categories: Sequence[Scalar], kind: str | None = None) -> Listed:
    """Return categories with an order.

    Args:
        categories: the values, in order.
        kind: ``equal``: each equally likely; ``nn``: a place is drawn evenly between the least and
            the greatest number and goes to the nearest one; ``nn-log``: the same on a log scale.
            None: ``nn`` for rising numbers, else ``equal``.

    Raises:
        UsageError: as for ``choice``; an unknown kind; ``nn`` without rising numbers.

    >>> ordinal([1, 2, 10]).from_unit(0.5)
    2
    """
    values = _checked("ordinal", categories)
    numbers = [value for value in values if isinstance(value, int | float)]
    rising = (
        len(numbers) == len(values)
        and not any(isinstance(value, bool) for value in values)
        and all(a < b for a, b in itertools.pairwise(numbers))
    )
    kind = kind or ("nn" if rising else "equal")
    if kind not in _KINDS:
        raise UsageError(f"ordinal: kind is {kind!r}; it must be one of {', '.join(_KINDS)}")
    arguments: dict[str, object] = {"categories": values, "kind": kind}
    if kind == "equal":
        return Listed("ordinal", arguments, values)
    if not rising or (kind == "nn-log" and numbers[0] <= 0):
        sign = "positive " if kind == "nn-log" else ""
        raise UsageError(
            f"ordinal: categories are {values!r}; kind {kind!r} needs rising {sign}numbers; "
            "sort them, or use kind='equal'"
        )
    return Nearest(arguments, numbers, log=kind == "nn-log")


def logordinal(categories: Sequence[Scalar]) -> Listed:
    """Return rising positive numbers on a log scale: ``ordinal`` of kind ``nn-log``."""
    return ordinal(categories, kind="nn-log")


def finrange(lower: float, upper: float, size: int, cast_int: bool = False) -> Listed:  # noqa: FBT001, FBT002 - the place users know it at
    """Return ``size`` evenly spaced numbers from ``lower`` to ``upper``, both included.

    Args:
        lower: the first value.
        upper: the last value.
        size: how many, before those that round to one integer are made one; >= 2.
        cast_int: whether the values are rounded to integers.

    Raises:
        UsageError: a bound is not finite, lower is not below upper, or size is below 2.

    >>> finrange(0, 0.6, 3).values
    (0.0, 0.3, 0.6)
    """
    return _range("finrange", (lower, upper), size, cast_int)


def logfinrange(lower: float, upper: float, size: int, cast_int: bool = False) -> Listed:  # noqa: FBT001, FBT002 - the place users know it at
    """Return ``size`` numbers from ``lower`` > 0 to ``upper``, evenly spaced on a log scale.

    Arguments and errors are those of ``finrange``.

    >>> logfinrange(8, 64, 4, cast_int=True).values
    (8, 16, 32, 64)
    """
    return _range("logfinrange", (lower, upper), size, cast_int)


def _range(function: str, bounds: tuple[object, object], size: object, cast_int: object) -> Listed:
    lower = float_bound(function, "lower", bounds[0])
    upper = float_bound(function, "upper", bounds[1])
    ordered(function, lower, upper)
    if isinstance(size, bool) or not isinstance(size, int) or size < 2 or lower == upper:
        raise UsageError(
            f"{function}: size is {size!r} from {short(lower)} to {short(upper)}; it takes a size "
            "from 2 up, and two different bounds (use a constant for a single value)"
        )
    if not isinstance(cast_int, bool):
        raise UsageError(f"{function}: cast_int is {cast_int!r}; it must be True or False")
    if function == "logfinrange" and lower <= 0:
        raise UsageError(f"{function}: lower is {short(lower)}; a log scale begins above 0")
    spaced = _spaced(lower, upper, size, log=function == "logfinrange")
    values: list[Scalar] = [round(value) if cast_int else value for value in spaced]
    arguments: dict[str, object] = {"lower": lower, "upper": upper, "size": size}
    if cast_int:
        arguments["cast_int"] = True
    return Listed(function, arguments, list(dict.fromkeys(values)))


def _spaced(lower: float, upper: float, size: int, *, log: bool) -> list[float]:
    """Return the values, the bounds exact and no value past them."""
    start, end = (math.log(lower), math.log(upper)) if log else (lower, upper)
    places = [start * (1 - i / (size - 1)) + end * (i / (size - 1)) for i in range(size)]
    inner = [math.exp(place) if log else place for place in places[1:-1]]
    return [lower, *[min(max(value, lower), upper) for value in inner], upper]
