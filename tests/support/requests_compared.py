"""Two requests for the same job, field by field; and the table that says why they differ."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_DECISIONS = Path(__file__).parents[2] / "docs" / "decisions"
_NAMES = ("ChannelName", "Key", "Name")  #: by which members of lists are known
_ROW = re.compile(r"^\| (`[^|]*`) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield where each value stands in a request, and the value."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from leaves(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for part in value:
            known = next((name for name in _NAMES if name in part), "")
            rest = {name: one for name, one in part.items() if name != known}
            yield from leaves(rest, f"{path}[{part.get(known, '')}]")
    else:
        yield path, value


def different(one: Any, other: Any) -> set[str]:
    """Return the fields in which two requests differ."""
    first, second = dict(leaves(one)), dict(leaves(other))
    return {
        path
        for path in {*first, *second}
        if path not in first or path not in second or first[path] != second[path]
    }


def justified() -> dict[str, tuple[str, ...]]:
    """Return what the decision has a reason for: by the field, the cells of its row."""
    text = (_DECISIONS / "0022-what-a-job-is.md").read_text()
    found = {}
    for fields, *cells in _ROW.findall(text):
        for field in re.findall(r"`([^`]+)`", fields):
            found[field] = tuple(cell.strip() for cell in cells)
    return found


def unjustified(fields: set[str], reasons: Mapping[str, object]) -> list[str]:
    """Return the fields that no row of the table covers."""
    return sorted(one for one in fields if not any(_covers(row, one) for row in reasons))


def unused(fields: set[str], reasons: Mapping[str, object]) -> list[str]:
    """Return the rows that no field needs."""
    return sorted(row for row in reasons if not any(_covers(row, one) for one in fields))


def _covers(row: str, field: str) -> bool:
    return field == row or field.startswith((f"{row}.", f"{row}["))


def nameless(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request of the SDK's without what differs from one call to the next."""
    text = json.dumps(request, sort_keys=True).replace(request["TrainingJobName"], "NAME")
    made: dict[str, Any] = json.loads(text)
    return made
