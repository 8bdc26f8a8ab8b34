"""A script's own values as strict JSON: scalars, and lists, tuples and dicts of them.

Invariants (tests/training/test_values.py holds each one):
- what is stored comes back equal and of the same types, NaN and the infinities included;
- anything else is refused when it is saved, by where it is and its type;
- a list or dict that is put back is the one that was there: whoever holds it sees the change.
"""

from __future__ import annotations

from pytest_synebench.channel import decode_scalar, encode_scalar
from pytest_synebench.errors import CheckpointError
from pytest_synebench.training.reporter import plain_scalar, shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TUPLE, _DICT = "tuple", "dict"  #: a scalar that JSON has no word for is {"float": …}


def storable(value: Any, where: str) -> Any:
    """Return a value as JSON can write it; scalars of numpy and torch become Python's.

    Args:
        value: of the script's.
        where: it is, for the message.

    Raises:
        CheckpointError: it is of a kind that could not be loaded again.
    """
    scalar = plain_scalar(value)
    if scalar is not NotImplemented:
        return encode_scalar(scalar)
    if type(value) in {list, tuple}:
        items = [storable(item, f"{where}[{i}]") for i, item in enumerate(value)]
        return items if type(value) is list else {_TUPLE: items}
    if type(value) is dict:
        for key in value:
            if type(key) is not str:
                raise CheckpointError(
                    f"{where} has the key {key!r} of type {type(key).__name__}; JSON has texts as "
                    "keys: write str(key)"
                )
        return {_DICT: {key: storable(item, f"{where}[{key!r}]") for key, item in value.items()}}
    raise CheckpointError(
        f"{where} is {shortened(value)} of type {type(value).__name__}; it may be an int, float, "
        "bool, str or None, or a list, tuple or dict of them; put what has state_dict() into "
        "state_dict_objects"
    )


def restored(told: Any) -> Any:
    """Return what ``storable`` was given.

    Raises:
        ValueError: it gave no such thing.
    """
    if isinstance(told, list):
        return [restored(item) for item in told]
    if isinstance(told, dict) and len(told) == 1:
        ((kind, items),) = told.items()
        if kind == _TUPLE and isinstance(items, list):
            return tuple(restored(item) for item in items)
        if kind == _DICT and isinstance(items, dict):
            return {key: restored(item) for key, item in items.items()}
    return decode_scalar(told)


def put_back(state: dict[str, Any], key: str, value: Any) -> None:
    """Give a key its value, within the list or dict that is there."""
    now = state.get(key)
    if type(now) is list and type(value) is list:
        now[:] = value
    elif type(now) is dict and type(value) is dict:
        now.clear()
        now.update(value)
    else:
        state[key] = value
