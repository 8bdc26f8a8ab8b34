from __future__ import annotations

import json

import pytest

from pytest_synebench.training.agent.told import fields

KINDS: dict[str, tuple[type, ...]] = {"number": (int,), "text": (str, type(None))}


def test_an_object_of_the_schema_is_read() -> None:
    assert fields(b'{"schema": 1, "number": 3, "text": null}', 1, KINDS) == {
        "number": 3,
        "text": None,
    }


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"schema": 2}, "it is of another schema"),
        ({"more": 1}, "more is unknown"),
        ({"number": True}, "number is True"),
        ({"number": 1.0}, "number is 1.0"),
        ({"text": []}, r"text is \[\]"),
    ],
)
def test_what_differs_is_named(changes: dict[str, object], told: str) -> None:
    whole = {"schema": 1, "number": 3, "text": "x", **changes}
    with pytest.raises(ValueError, match=told):
        fields(json.dumps(whole).encode(), 1, KINDS)


@pytest.mark.parametrize("name", [*KINDS, "schema"])
def test_what_is_missing_is_named(name: str) -> None:
    whole: dict[str, object] = {"schema": 1, "number": 3, "text": "x"}
    del whole[name]
    with pytest.raises(ValueError, match="another schema" if name == "schema" else f"{name} is mi"):
        fields(json.dumps(whole).encode(), 1, KINDS)


@pytest.mark.parametrize("data", [b"", b"[]", b"3", b"\xff"])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of json, or of ours
        fields(data, 1, KINDS)
