"""Search: filters joined by And or Or, nested to any depth, over what jobs are.

Invariants (tests/emulator/api/test_search.py holds each one):
- Or means or, And means and, and And is meant where nothing is said;
- a filter on a property that a job lacks matches only NotExists and NotEquals;
- a filter on a property of a list's members holds if one of them satisfies it.

Source: AWS, API reference of Search, SearchExpression, Filter, NestedFilters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pytest_synebench.emulator.refusal import validation


def matches(document: Mapping[str, Any], expression: Mapping[str, Any]) -> bool:
    """Return whether a document satisfies an expression; an empty one is satisfied."""
    terms = [
        *(_filter(document, one) for one in expression.get("Filters", ())),
        *(_nested(document, one) for one in expression.get("NestedFilters", ())),
        *(matches(document, one) for one in expression.get("SubExpressions", ())),
    ]
    if expression.get("Operator", "And") == "Or":
        return any(terms) or not terms
    return all(terms)


def value_of(document: Mapping[str, Any], name: str) -> list[Any]:
    """Return the values of a property, by its dotted name: none, one, or one per list member.

    >>> value_of({"A": [{"B": 1}, {"B": 2}]}, "A.B")
    [1, 2]
    """
    if name.startswith("Tags."):
        key = name.removeprefix("Tags.")
        return [tag["Value"] for tag in document.get("Tags", ()) if tag["Key"] == key]
    found: list[Any] = [document]
    for part in name.split("."):
        found = [one[part] for one in found if isinstance(one, Mapping) and part in one]
        found = [item for one in found for item in (one if isinstance(one, list) else [one])]
    return found


def _filter(document: Mapping[str, Any], one: Mapping[str, Any]) -> bool:
    operator = one.get("Operator", "Equals")
    values = value_of(document, one["Name"])
    if operator == "NotExists":
        return not values
    if operator == "Exists" or "Value" not in one:
        return bool(values)
    if operator == "NotEquals":
        return not any(_COMPARED["Equals"](value, one["Value"]) for value in values)
    return any(_COMPARED[operator](value, one["Value"]) for value in values)


def _nested(document: Mapping[str, Any], one: Mapping[str, Any]) -> bool:
    prefix = one["NestedPropertyName"]
    members = value_of(document, prefix)
    return any(
        all(
            _filter(member, {**inner, "Name": inner["Name"].removeprefix(f"{prefix}.")})
            for inner in one["Filters"]
        )
        for member in members
        if isinstance(member, Mapping)
    )


def _ordered(compare: Callable[[float, float], bool]) -> Callable[[Any, str], bool]:
    def compared(value: Any, told: str) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return compare(float(value), _number(told))

    return compared


def _number(text: str) -> float:
    from datetime import UTC, datetime

    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise validation(f"{text!r} is neither a number nor a time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_COMPARED: dict[str, Callable[[Any, str], bool]] = {
    "Equals": lambda value, told: _text(value) == told,
    "Contains": lambda value, told: told in _text(value),
    "In": lambda value, told: _text(value) in told.split(","),
    "GreaterThan": _ordered(lambda a, b: a > b),
    "GreaterThanOrEqualTo": _ordered(lambda a, b: a >= b),
    "LessThan": _ordered(lambda a, b: a < b),
    "LessThanOrEqualTo": _ordered(lambda a, b: a <= b),
}
