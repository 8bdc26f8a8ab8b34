from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.backends.sagemaker.recording.policy import main, policy
from pytest_synebench.errors import UsageError


def call(service: str, operation: str) -> dict[str, Any]:
    return {"service": service, "operation": operation}


def allowed(made: dict[str, Any]) -> dict[str, str]:
    return {
        action: statement["Resource"]
        for statement in made["Statement"]
        for action in statement["Action"]
    }


def test_what_was_called_is_allowed_on_ours_and_nothing_else() -> None:
    made = policy([call("sagemaker", "CreateTrainingJob"), call("s3", "PutObject")] * 3)
    assert allowed(made) == {
        "sagemaker:CreateTrainingJob": "arn:aws:sagemaker:REGION:ACCOUNT:training-job/*",
        "sagemaker:AddTags": "arn:aws:sagemaker:REGION:ACCOUNT:training-job/*",
        "iam:PassRole": "arn:aws:iam::ACCOUNT:role/ROLE",
        "s3:PutObject": "arn:aws:s3:::BUCKET/PREFIX/*",
    }
    (passed,) = [one for one in made["Statement"] if one["Action"] == ["iam:PassRole"]]
    service = passed["Condition"]["StringEquals"]["iam:PassedToService"]
    assert service == "sagemaker.amazonaws.com"


def test_a_bucket_is_listed_below_the_prefix_only() -> None:
    (statement,) = policy([call("s3", "ListObjectsV2")])["Statement"]
    assert statement["Condition"] == {"StringLikeIfExists": {"s3:prefix": "PREFIX/*"}}


def test_a_call_without_a_known_right_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"s3:PutBucketAcl was called, and no right is known"):
        policy([call("s3", "PutBucketAcl")])


def test_the_command_prints_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = json.dumps(call("s3", "PutObject"))
    (tmp_path / "calls-1.jsonl").write_text(f"{line}\n")
    assert main([str(tmp_path)]) == 0
    printed = allowed(json.loads(capsys.readouterr().out))
    assert {"s3:PutObject", "sagemaker:StopTrainingJob"} <= printed.keys()


@pytest.mark.parametrize(
    ("argv", "told"), [([], "usage: "), (["/nowhere"], "/nowhere has no calls-")]
)
def test_the_command_says_what_it_lacks(
    argv: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    assert told in capsys.readouterr().err
