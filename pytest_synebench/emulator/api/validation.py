r"""Requests against botocore's model of the service: lengths, ranges, patterns and enums, too.

boto3 compares a request with what is required, its types and its minima, before it sends it. The
service compares all the rest as well, and so must its emulator: a request that passes here and
fails there costs a machine.

Invariants (tests/emulator/api/test_validation.py holds each one):
- every rule of the model is applied, at any depth, to keys and to values;
- all that is wrong is told in one answer, in the service's words and spelling of paths;
- the request that boto3's own validation passes and the model's patterns allow passes.

Source: botocore, data/sagemaker/2017-07-24/service-2.json; the wording follows answers of the
service quoted in public issues (ASSUMED-06).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from pytest_synebench.emulator.refusal import Refusal, validation

_FAILED = "failed to satisfy constraint"
_SHOWN = 100  #: characters of a value in a message
#: Classes of Unicode that Python's patterns cannot name: letters, digits, separators.
_UNICODE = {r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": " \u00a0\u1680\u2000-\u200a\u2028-\u3000"}


def check(shape: Any, value: Any) -> None:
    """Refuse a request that breaks a rule of its shape.

    Args:
        shape: botocore's, of the operation's input.
        value: the request, as it came.

    Raises:
        Refusal: SerializationException: something has another type, or an unknown name.
            ValidationException: a rule is broken; the text has them all.
    """
    wrong = list(problems(shape, value, ""))
    if wrong:
        noun = "error" if len(wrong) == 1 else "errors"
        raise validation(f"{len(wrong)} validation {noun} detected: {'; '.join(wrong)}")


def problems(shape: Any, value: Any, path: str) -> Iterator[str]:
    """Yield what is wrong with a value, in words; ``path`` says where it is."""
    kinds, checker = _CHECKERS.get(shape.type_name, (object, _nothing))
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
        raise Refusal(
            "SerializationException",
            f"{type(value).__name__} can not be converted to {shape.type_name.title()} ({path})",
        )
    yield from checker(shape, value, path)


def _nothing(_shape: Any, _value: Any, _path: str) -> Iterator[str]:
    return iter(())


def _structure(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    unknown = [name for name in value if name not in shape.members]
    if unknown:
        raise Refusal("SerializationException", f"Unrecognized field {unknown[0]!r} ({path})")
    for name in shape.required_members:
        if value.get(name) is None:
            yield _told(None, _join(path, name), "Member must not be null")
    for name, member in value.items():
        if member is not None:
            yield from problems(shape.members[name], member, _join(path, name))


def _map(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    yield from _length(shape, value, path)
    for key, member in value.items():
        yield from problems(shape.key, key, f"{path}.key")
        yield from problems(shape.value, member, f"{path}.{key}.member")


def _list(shape: Any, value: list[Any], path: str) -> Iterator[str]:
    yield from _length(shape, value, path)
    for number, member in enumerate(value, 1):
        yield from problems(shape.member, member, f"{path}.{number}.member")


def _string(shape: Any, value: str, path: str) -> Iterator[str]:
    yield from _length(shape, value, path)
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        yield _told(value, path, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        yield _told(value, path, f"Member must satisfy regular expression pattern: {pattern}")


def _number(shape: Any, value: float, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        yield _told(value, path, f"Member must have value greater than or equal to {least}")
    if most is not None and value > most:
        yield _told(value, path, f"Member must have value less than or equal to {most}")


def _length(shape: Any, value: Any, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and len(value) < least:
        yield _told(value, path, f"Member must have length greater than or equal to {least}")
    if most is not None and len(value) > most:
        yield _told(value, path, f"Member must have length less than or equal to {most}")


def _told(value: Any, path: str, rule: str) -> str:
    shown = "null" if value is None else f"'{str(value)[:_SHOWN]}'"
    return f"Value {shown} at '{path}' {_FAILED}: {rule}"


def _join(path: str, name: str) -> str:
    name = name[0].lower() + name[1:]
    return f"{path}.{name}" if path else name


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    for java, python in _UNICODE.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern)


_Checker = Callable[[Any, Any, str], Iterator[str]]
_CHECKERS: dict[str, tuple[Any, _Checker]] = {
    "structure": (dict, _structure),
    "map": (dict, _map),
    "list": (list, _list),
    "string": (str, _string),
    "integer": (int, _number),
    "long": (int, _number),
    "float": ((int, float), _number),
    "double": ((int, float), _number),
    "boolean": (bool, _nothing),
    "timestamp": ((int, float), _nothing),
}
