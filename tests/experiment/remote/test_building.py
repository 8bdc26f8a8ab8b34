"""What jobs need is refused by name; equal code is uploaded once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from toy_plan import toy_plan

from pytest_synebench.emulator import Emulator
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.experiment.remote.building import remote_backend

ALL: dict[str, Any] = {
    "backend": "sagemaker",
    "s3_bucket": "s3://team/hpo/",
    "sagemaker_execution_role": "arn:aws:iam::123456789012:role/training",
    "instance_type": "ml.m5.xlarge",
    "framework": "PyTorch",
    "framework_version": "2.6",
}


def build(folder: Path, **params: Any) -> list[str]:
    """Build a back-end, and let it go; return what it remarks."""
    plan = toy_plan(folder, **{**ALL, **params})
    remarks: list[str] = []
    run = folder / ".run"  # hidden: it does not travel with the code
    run.mkdir(exist_ok=True)
    remote_backend(plan, run, Ledger(run), remarks.append).close()
    return remarks


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("s3_bucket", "no bucket is named; .*--s3_bucket BUCKET/PREFIX"),
        ("sagemaker_execution_role", "no role is named .*--sagemaker_execution_role arn:"),
        ("instance_type", "names no instance_type; .*--instance_type ml.m5.xlarge"),
        ("framework", "names no image for its jobs; .*--image_uri"),
        ("framework_version", "names no image for its jobs; .*--image_uri"),
    ],
)
def test_what_a_job_lacks_is_refused_by_name(
    sagemaker_emulator: Emulator, tmp_path: Path, missing: str, told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        build(tmp_path, **{missing: ""})


def test_a_value_that_no_job_can_have_is_refused(
    sagemaker_emulator: Emulator, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"PyTorch"):
        build(tmp_path, framework="MXNet")
    with pytest.raises(UsageError, match="keep_alive is 60 with Spot"):
        build(tmp_path, keep_alive=60, spot=True)


def test_equal_code_is_uploaded_once(sagemaker_emulator: Emulator, tmp_path: Path) -> None:
    sagemaker_emulator.client("s3").create_bucket(Bucket="team")

    def source() -> list[str]:
        found = sagemaker_emulator.client("s3").list_objects_v2(Bucket="team", Prefix="hpo/source/")
        return [entry["Key"] for entry in found.get("Contents", [])]

    assert build(tmp_path)[0].endswith("on ml.m5.xlarge")
    before, first = sagemaker_emulator.calls().get("s3.PUT", 0), source()
    assert len(first) == 2
    build(tmp_path)
    assert sagemaker_emulator.calls()["s3.PUT"] == before
    script = toy_plan(tmp_path, **ALL).definition.script
    script.write_text(script.read_text() + "\n# changed\n")
    build(tmp_path)
    assert len(source()) == 4


def test_an_emulator_needs_nothing_but_a_benchmark(
    sagemaker_emulator: Emulator, tmp_path: Path
) -> None:
    none = dict.fromkeys(ALL, "") | {"backend": "sagemaker"}
    (remark,) = build(tmp_path, **none, aws="emulator")
    assert remark.endswith("on ml.m5.xlarge of the emulator")
