from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from toy_plan import toy_plan

from pytest_synebench.backends.sagemaker.preflight.account import _TRUST
from pytest_synebench.backends.sagemaker.preflight.findings import Finding, Verdict
from pytest_synebench.emulator import Emulator
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.remote.preflight import check, preflight

ALL: dict[str, Any] = {
    "backend": "sagemaker",
    "s3_bucket": "s3://team/hpo/",
    "sagemaker_execution_role": "arn:aws:iam::123456789012:role/training",
    "instance_type": "ml.m5.xlarge",
    "framework": "PyTorch",
    "framework_version": "2.6",
}


def verdicts(found: list[Finding]) -> dict[str, Verdict]:
    return {one.what: one.verdict for one in found}


@pytest.fixture
def ready(sagemaker_emulator: Emulator) -> Emulator:
    sagemaker_emulator.client("s3").create_bucket(Bucket="team")
    iam = sagemaker_emulator.client("iam")
    iam.create_role(RoleName="training", AssumeRolePolicyDocument=_TRUST)
    return sagemaker_emulator


def test_where_nothing_is_wrong_everything_was_looked_at(ready: Emulator, tmp_path: Path) -> None:
    ready.quota("ml.m5.xlarge", 4)
    plan = toy_plan(tmp_path, **ALL)
    assert verdicts(preflight(plan)) == dict.fromkeys(
        ["region", "credentials", "service", "role", "bucket", "machine", "quota", "image"],
        Verdict.OK,
    )
    check(plan)
    assert "CreateTrainingJob" not in ready.calls()


def test_all_that_is_wrong_is_told_at_once_and_no_job_is_made(
    sagemaker_emulator: Emulator, tmp_path: Path
) -> None:
    sagemaker_emulator.quota("ml.m5.xlarge", 0)
    image_uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/none:1"
    plan = toy_plan(tmp_path, **{**ALL, "framework": "", "image_uri": image_uri})
    with pytest.raises(UsageError) as caught:
        check(plan)
    told = str(caught.value)
    assert "4 things are wrong, and no job was made" in told
    for command in (
        "aws iam create-role --role-name training",
        "aws s3 mb s3://team --region us-east-1",
        "aws service-quotas request-service-quota-increase",
        f"docker push {image_uri}",
    ):
        assert f"\n          {command}" in told
    assert "EMULATED" not in told
    calls = sagemaker_emulator.calls()
    assert not {"CreateTrainingJob", "s3.PUT"} & calls.keys()


def test_what_nobody_has_named_is_told_with_the_rest(
    sagemaker_emulator: Emulator, tmp_path: Path
) -> None:
    none: dict[str, Any] = {**dict.fromkeys(ALL, ""), "backend": "sagemaker"}
    with pytest.raises(UsageError) as caught:
        check(toy_plan(tmp_path, **none))
    told = str(caught.value)
    for option in ("s3_bucket", "sagemaker_execution_role", "instance_type", "image_uri"):
        assert f"--{option}" in told
    assert "4 things are wrong" in told


def test_without_credentials_the_rest_is_unknown(
    sagemaker_emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA0EXAMPLE")
    found = preflight(toy_plan(tmp_path, **{**ALL, "s3_bucket": ""}))
    assert verdicts(found) == {
        "region": Verdict.OK,
        "credentials": Verdict.WRONG,
        "bucket": Verdict.WRONG,
        "role": Verdict.UNKNOWN,
        "machine": Verdict.UNKNOWN,
        "image": Verdict.UNKNOWN,
    }
    assert not any("AKIA" in one.told + one.mends for one in found)


def test_without_a_region_that_is_told_with_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    found = preflight(toy_plan(tmp_path, **{**ALL, "s3_bucket": ""}))
    assert [one.what for one in found if one.verdict is Verdict.WRONG][:2] == ["region", "bucket"]
    assert found[0].mends.startswith("export AWS_REGION=")


def test_a_machine_that_is_none_is_told_with_the_nearest(ready: Emulator, tmp_path: Path) -> None:
    found = preflight(toy_plan(tmp_path, **{**ALL, "instance_type": "ml.m5.xlarg"}))
    assert verdicts(found)["machine"] is Verdict.WRONG
    assert "quota" not in verdicts(found)


def test_of_an_emulator_that_comes_with_the_session_nothing_is_asked(
    sagemaker_emulator: Emulator, tmp_path: Path
) -> None:
    none: dict[str, Any] = {**dict.fromkeys(ALL, ""), "backend": "sagemaker", "aws": "emulator"}
    found = preflight(toy_plan(tmp_path, **none))
    assert verdicts(found) == {"region": Verdict.OK, "account": Verdict.OK}
    assert sagemaker_emulator.calls() == {}
