from __future__ import annotations

import pytest

from pytest_synebench.backends.sagemaker.preflight.findings import (
    is_wrong,
    ok,
    refuse,
    screen,
    unknown,
    wrong,
)
from pytest_synebench.errors import UsageError

FOUND = [
    ok("region", "eu-west-1"),
    wrong("role", "there is no such role", "aws iam create-role\naws iam attach-role-policy"),
    unknown("quota", "no right"),
    wrong("bucket", "none"),
]


def test_all_is_on_one_screen_with_what_mends_it() -> None:
    assert screen(FOUND) == [
        "ok      region       eu-west-1",
        "WRONG   role         there is no such role",
        "          aws iam create-role",
        "          aws iam attach-role-policy",
        "unknown quota        no right",
        "WRONG   bucket       none",
    ]


def test_what_is_wrong_is_refused_all_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        refuse(FOUND, "toy::r0")
    told = str(caught.value).splitlines()
    assert told[0] == "toy::r0: 2 things are wrong, and no job was made"
    assert told[1:5] == screen([FOUND[1], FOUND[3]])
    assert "--synebench-preflight" in told[-1]


def test_what_is_unknown_refuses_nothing() -> None:
    assert is_wrong(FOUND)
    assert not is_wrong([FOUND[0], FOUND[2]])
    refuse([FOUND[0], FOUND[2]], "toy::r0")
    with pytest.raises(UsageError, match="one thing is wrong"):
        refuse(FOUND[3:], "toy::r0")
