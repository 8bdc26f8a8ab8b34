from __future__ import annotations

import pytest

from pytest_synebench.backends.sagemaker.preflight.asking import (
    code_of,
    configured_region,
    in_words,
    no_right,
)


class AnsweredError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.response = {"Error": {"Code": code, "Message": message}}


@pytest.mark.parametrize(
    "secret",
    [
        "AKIA0EXAMPLE",
        "ASIA0EXAMPLE",
        "EMULATED0123456789ABCDEF",
        "X-Amz-Security-Token=IQoJb3JpZ2luX2VjE",
        "X-Amz-Credential=AKIA/20260101/eu-west-1",
        "Signature=fe5f80f77d5fa3beca038a248ff027d0",
    ],
)
def test_nothing_secret_is_told(secret: str) -> None:
    told = in_words(AnsweredError("InvalidClientTokenId", f"no: {secret} is not valid"))
    assert told == "InvalidClientTokenId: no: … is not valid"


def test_a_cause_is_one_line() -> None:
    assert in_words(ValueError("first\nsecond")) == "ValueError: first"
    assert in_words(ValueError()) == "ValueError: "


def test_no_right_is_told_apart_from_not_there() -> None:
    assert no_right(AnsweredError("AccessDeniedException", "no"))
    assert not no_right(AnsweredError("NoSuchEntity", "no"))
    assert code_of(KeyError("x")) == "KeyError"


def test_a_profile_that_is_not_there_is_mended_by_another_and_not_by_a_region(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("boto3", reason="needs the extra 'aws'")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    region, problem, mends = configured_region()
    assert region == ""
    assert "profile (nobody) could not be found" in problem
    assert "aws configure list-profiles" in mends
