"""What a parameter is: its kind, the values it takes, how their text is read and written.

Invariants (tests/experiment/plan/test_parameters.py):
- ``parse(p, show(p, value)) == [value]`` for every parameter and value it admits (a tuple comes
  back as a list);
- a value that breaks the rule is refused with name, value and rule, from text or not.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from typing import Any

from pytest_synebench.errors import UsageError


class Kind(Enum):
    """How the text of a parameter is read; the value is what ``--help`` shows for it."""

    BOOL = "BOOL"
    INT = "INT"
    FLOAT = "FLOAT"
    STR = "STR"
    JSON = "JSON"  #: any JSON value; text that is none stays text
    LEVELS = "LEVELS"  #: ascending resource levels, "1 3 9"
    OFFSET = "INT|random"  #: a seed offset, drawn where it is "random"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter: a name on the command line, and what its values may be."""

    name: str
    default: Any
    kind: Kind
    help: str = ""
    choices: tuple[str, ...] = ()  #: for STR: the only values; () any
    instead: Callable[[str], str] | None = None  #: of a value that is no choice: what to give
    minimum: float | None = None  #: for INT and FLOAT
    above: float | None = None  #: for INT and FLOAT: what a value must be more than
    optional: bool = False  #: whether None is a value ("none" on the command line); not for STR
    #: For STR: refuses, by UsageError, what is none of the values, where ``choices`` are not all.
    refuse: Callable[[str], None] | None = None

    @property
    def listable(self) -> bool:
        """Whether a comma list of values expands to one experiment per value."""
        return self.kind in {Kind.BOOL, Kind.INT, Kind.FLOAT, Kind.STR}

    def check(self, value: object) -> None:
        """Refuse a value that the parameter cannot have.

        Raises:
            UsageError: with name, value and rule.
        """
        if value is None and (self.optional or self.kind is Kind.JSON):
            return
        if not _CHECKS[self.kind](value):
            raise UsageError(f"{self.name} is {value!r}; it must be {self.rule}")
        if self.refuse is not None:
            self.refuse(str(value))
        elif self.choices and value not in self.choices:
            raise UsageError(
                f"{self.name} is {value!r}; known: {', '.join(self.choices)}."
                + (self.instead(str(value)) if self.instead else near(str(value), self.choices))
            )
        if isinstance(value, int | float) and self._is_below(value):
            raise UsageError(f"{self.name} is {value!r}; it must be {self.rule}")

    def _is_below(self, value: float) -> bool:
        low = self.minimum is not None and value < self.minimum
        return low or (self.above is not None and value <= self.above)

    @property
    def rule(self) -> str:
        """In words, what a value must be."""
        words = _WORDS[self.kind]
        if self.minimum is not None:
            words += f" from {self.minimum:g} up"
        if self.above is not None:
            words += f" above {self.above:g}"
        return words + (", or none" if self.optional else "")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_levels(value: object) -> bool:
    if not isinstance(value, list | tuple) or not value or not all(map(_is_int, value)):
        return False
    return value[0] >= 1 and all(a < b for a, b in itertools.pairwise(value))


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        # An integer that a float cannot hold would come back as another number.
        return math.isfinite(value) and float(value) == value
    except OverflowError:
        return False


def _is_json(value: object) -> bool:
    match value:
        case None | bool() | int() | str():
            return True
        case float():
            return math.isfinite(value)
        case list() | tuple():
            return all(map(_is_json, value))
        case dict():
            return all(isinstance(k, str) and _is_json(v) for k, v in value.items())
        case _:
            return False


_CHECKS: dict[Kind, Callable[[object], bool]] = {
    Kind.BOOL: lambda v: isinstance(v, bool),
    Kind.INT: _is_int,
    Kind.FLOAT: _is_number,
    Kind.STR: lambda v: isinstance(v, str),
    Kind.JSON: _is_json,
    Kind.LEVELS: _is_levels,
    Kind.OFFSET: lambda v: isinstance(v, int) and not isinstance(v, bool) and 0 <= v < 2**32,
}
_WORDS = {
    Kind.BOOL: "a truth value (1, 0, true, false)",
    Kind.INT: "an integer",
    Kind.FLOAT: "a finite number",
    Kind.STR: "text",
    Kind.JSON: "a JSON value",
    Kind.LEVELS: "ascending levels from 1 up, separated by spaces, as in '1 3 9'",
    Kind.OFFSET: "an integer from 0 to 2**32 - 1, or 'random'",
}


def kind_of(default: object) -> Kind:
    """Return the kind of a benchmark's own parameter: the type of its default says it."""
    match default:
        case bool():
            return Kind.BOOL
        case int():
            return Kind.INT
        case float():
            return Kind.FLOAT
        case str():
            return Kind.STR
        case _:
            return Kind.JSON


_COMMA = re.compile(r"(?<!\\),")


def parse(parameter: Parameter, text: str) -> list[Any]:
    r"""Return the values that a text names: several for a comma list, else one.

    A comma inside of a text value is written ``\,``. JSON values and levels are never split.

    Raises:
        UsageError: with name, text and rule.
    """
    parts = _COMMA.split(text) if parameter.listable else [text]
    values = [_parse_one(parameter, part.replace("\\,", ",")) for part in parts]
    for i, value in enumerate(values):
        if value in values[:i]:
            raise UsageError(f"{parameter.name} names {value!r} twice in {text!r}; once is it")
    return values


def _parse_one(parameter: Parameter, text: str) -> Any:
    if parameter.optional and text.strip().lower() == "none":
        return None
    try:
        value = _READERS[parameter.kind](text)
    except ValueError:
        raise UsageError(f"{parameter.name} is {text!r}; it must be {parameter.rule}") from None
    parameter.check(value)
    return value


def _read_bool(text: str) -> bool:
    word = text.strip().lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off"}:
        return False
    raise ValueError(text)


def _read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None if text.strip().lower() == "none" else text


_READERS: dict[Kind, Callable[[str], Any]] = {
    Kind.BOOL: _read_bool,
    Kind.INT: int,
    Kind.FLOAT: float,
    Kind.STR: str,
    Kind.JSON: _read_json,
    Kind.LEVELS: lambda text: [int(word) for word in text.split()],
    Kind.OFFSET: lambda text: secrets.randbelow(2**32) if text == "random" else int(text),
}


def show(parameter: Parameter, value: object) -> str:
    r"""Return the text that ``parse`` reads as this value.

    >>> show(Parameter(name="rungs", default=None, kind=Kind.LEVELS), [1, 3, 9])
    '1 3 9'
    >>> print(show(Parameter(name="path", default="", kind=Kind.STR), "a,b"))
    a\,b
    """
    if value is None and parameter.optional:
        return "none"
    match parameter.kind:
        case Kind.BOOL:
            return "1" if value else "0"
        case Kind.STR:
            return str(value).replace(",", "\\,")
        case Kind.LEVELS if isinstance(value, list | tuple):
            return " ".join(map(str, value))
        case Kind.JSON:
            return json.dumps(value, sort_keys=True)
        case _:
            return repr(value)


def near(name: str, known: Sequence[str]) -> str:
    """Return " Did you mean 'x'?" for the known name most like this one, or ""."""
    bare = {k.lstrip("-"): k for k in known}  # dashes would make any two options alike
    word = name.lstrip("-")
    close = get_close_matches(word, bare, n=1) or [k for k in bare if word and word in k]
    return f" Did you mean {bare[close[0]]!r}?" if close else ""
