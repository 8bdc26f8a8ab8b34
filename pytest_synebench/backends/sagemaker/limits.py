"""Every limit of a request, checked before it is sent.

boto3 compares types, required fields and minima; lengths, patterns and enums are compared by the
service, after the script was uploaded and the user has gone. They stand in botocore's model, so
they are all checked here, in words that name the option that mends it.

Invariants (tests/backends/sagemaker/test_limits.py holds each one):
- a request that passes breaks no rule of botocore's model;
- an error has the field, its value, the rule, and what to change.

Source: botocore, data/sagemaker/2017-07-24/service-2.json; tags that begin with ``aws:`` are
reserved (AWS, "Tagging your AWS resources").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from pytest_synebench.errors import UsageError

_SHOWN = 60
#: What a user changes, by how the path of a field begins: the longest that fits.
_WAYS_OUT = {
    "": "change it among the extra fields of the request",
    "RoleArn": "name the role by --sagemaker_execution_role arn:aws:iam::ACCOUNT:role/NAME",
    "AlgorithmSpecification.TrainingImage": "choose another --image_uri",
    "AlgorithmSpecification.MetricDefinitions": "give the metric a shorter name",
    "InputDataConfig": "choose a shorter --s3_bucket or prefix",
    "OutputDataConfig": "choose another --s3_bucket or prefix",
    "Environment.SYNEBENCH_": "choose a shorter prefix in --s3_bucket",
    "ResourceConfig.InstanceType": "choose another --instance_type, or --tuner_instance_type",
    "Tags": "change the tags",
    "VpcConfig": "change the VPC's settings",
}
#: Classes of Unicode that Python's patterns cannot name: letters, digits, separators.
_UNICODE = {r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": " \u00a0\u1680\u2000-\u200a\u2028-\u3000"}


def check(request: Mapping[str, Any], shape: Any = None) -> None:
    """Refuse a request that the service would.

    Args:
        request: fields of CreateTrainingJob.
        shape: botocore's, of the operation's input; None: that of the installed one.

    Raises:
        UsageError: a rule is broken; the text has the first ones.
    """
    wrong = [*problems(request, shape or model()), *_reserved(request)]
    if wrong:
        raise UsageError("\n".join(wrong))


def problems(request: Any, shape: Any, path: str = "") -> Iterator[str]:
    """Yield what is wrong with a value, in words; ``path`` says where it stands."""
    kinds, checker = _CHECKERS.get(shape.type_name, (object, _nothing))
    if not isinstance(request, kinds) or (isinstance(request, bool) and kinds is not bool):
        yield _told(path, request, f"it must be a {shape.type_name}")
        return
    yield from checker(shape, request, path)


@cache
def model() -> Any:
    """Return botocore's shape of the request.

    Raises:
        UsageError: botocore is not installed.
    """
    try:
        import botocore.session
    except ImportError:
        raise UsageError(
            "the back-end 'sagemaker' needs boto3, which is not installed: "
            "pip install 'pytest-synebench[aws]'"
        ) from None
    service = botocore.session.Session().get_service_model("sagemaker")
    return service.operation_model("CreateTrainingJob").input_shape


def _reserved(request: Mapping[str, Any]) -> Iterator[str]:
    keys = [str(tag.get("Key")) for tag in request.get("Tags", ()) if isinstance(tag, Mapping)]
    for key in keys:
        if key.lower().startswith("aws:"):
            yield _told("Tags", key, "keys that begin with aws: are reserved")
        if keys.count(key) > 1:
            yield _told("Tags", key, "a key may be there once")


def _nothing(_shape: Any, _value: Any, _path: str) -> Iterator[str]:
    return iter(())


def _structure(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield _told(_join(path, name), None, "it must be given")
    for name, member in value.items():
        if name in shape.members:
            yield from problems(member, shape.members[name], _join(path, name))
            continue
        near = get_close_matches(name, shape.members, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(shape.members)}"
        yield _told(_join(path, name), member, f"the service knows no such field; {hint}")


def _map(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[str]:
    yield from _length(shape, value, path)
    for key, member in value.items():
        yield from problems(key, shape.key, f"{path} (key)")
        yield from problems(member, shape.value, _join(path, key))


def _list(shape: Any, value: list[Any], path: str) -> Iterator[str]:
    yield from _length(shape, value, path)
    for number, member in enumerate(value):
        yield from problems(member, shape.member, f"{path}[{number}]")


def _string(shape: Any, value: str, path: str) -> Iterator[str]:
    yield from _length(shape, value, path)
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        near = get_close_matches(value, allowed, n=3) or allowed[:5]
        yield _told(path, value, f"it must be one of the service's, as {', '.join(near)}")
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        yield _told(path, value, f"it must match {pattern}")


def _number(shape: Any, value: float, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        yield _told(path, value, f"it must be at least {least}")
    if most is not None and value > most:
        yield _told(path, value, f"it must be at most {most}")


def _length(shape: Any, value: Any, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    what = "characters" if isinstance(value, str) else "entries"
    if least is not None and len(value) < least:
        yield _told(path, value, f"it has {len(value)} {what} and must have at least {least}")
    if most is not None and len(value) > most:
        yield _told(path, value, f"it has {len(value)} {what} and must have at most {most}")


def _told(path: str, value: Any, rule: str) -> str:
    begins = max((begins for begins in _WAYS_OUT if path.startswith(begins)), key=len)
    shown = repr(value)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
    return f"{path} is {shown}; {rule}: {_WAYS_OUT[begins]}"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    for java, python in _UNICODE.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern)


_Checker = Callable[[Any, Any, str], Iterator[str]]
_CHECKERS: dict[str, tuple[Any, _Checker]] = {
    "structure": (Mapping, _structure),
    "map": (Mapping, _map),
    "list": (list, _list),
    "string": (str, _string),
    "integer": (int, _number),
    "long": (int, _number),
    "float": ((int, float), _number),
    "double": ((int, float), _number),
    "boolean": (bool, _nothing),
}
