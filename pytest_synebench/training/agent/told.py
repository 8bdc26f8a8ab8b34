"""Reads a JSON object that another program of ours has written: its schema, fields and types.

Invariants (tests/training/agent/test_told.py holds each one):
- an object of another schema, or with a field missing, added or of another type, is refused, by the
  name of the field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def fields(data: bytes, schema: int, kinds: Mapping[str, tuple[type, ...]]) -> dict[str, Any]:
    """Return the fields of an object, but for its schema.

    Args:
        data: the bytes of the object.
        schema: its number.
        kinds: the types that each of its fields may have, exactly.

    Raises:
        ValueError: it is no such object; the text says what is wrong.
    """
    told = json.loads(data)
    if not isinstance(told, dict):
        raise ValueError(f"it is no object but a {type(told).__name__}")
    if told.pop("schema", None) != schema:
        raise ValueError("it is of another schema")
    for name in sorted(told.keys() ^ kinds.keys()):
        raise ValueError(f"{name} is {'unknown' if name in told else 'missing'}")
    for name, allowed in kinds.items():
        if type(told[name]) not in allowed:
            raise ValueError(f"{name} is {told[name]!r}")
    return told
