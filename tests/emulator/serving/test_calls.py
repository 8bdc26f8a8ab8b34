from __future__ import annotations

import pytest
from training_jobs import BUCKET, prepare, request

from pytest_synebench.emulator import Emulator
from pytest_synebench.emulator.serving.naming import s3_operation

SCRIPT = f"""
import boto3
s3 = boto3.client("s3")
s3.put_object(Bucket={BUCKET!r}, Key="a", Body=b"1")
s3.get_object(Bucket={BUCKET!r}, Key="a")
s3.list_objects_v2(Bucket={BUCKET!r}, Prefix="a")
boto3.client("sts").get_caller_identity()
"""


def test_what_jobs_ask_for_is_counted_by_the_names_of_aws(sagemaker_emulator: Emulator) -> None:
    prepare(sagemaker_emulator, SCRIPT)
    before = sagemaker_emulator.calls().get("s3.PUT", 0)
    sagemaker_emulator.client("sagemaker").create_training_job(**request("a"))
    sagemaker_emulator.wait("a", "Completed")
    assert sagemaker_emulator.job_calls() == {
        "s3:PutObject": 1,
        "s3:GetObject": 1,
        "s3:ListObjectsV2": 1,
        "sts:GetCallerIdentity": 1,
    }
    assert sagemaker_emulator.calls()["s3.PUT"] == before + 1
    sagemaker_emulator.reset()
    assert sagemaker_emulator.job_calls() == {}


@pytest.mark.parametrize(
    ("method", "path", "query", "operation"),
    [
        ("HEAD", "/b/k", "", "HeadObject"),
        ("HEAD", "/b", "", "HeadBucket"),
        ("PUT", "/b/", "", "CreateBucket"),
        ("GET", "/b", "uploads", "ListMultipartUploads"),
        ("POST", "/b", "delete", "DeleteObjects"),
        ("POST", "/b/k", "uploads", "CreateMultipartUpload"),
        ("POST", "/b/k", "uploadId=1", "CompleteMultipartUpload"),
        ("DELETE", "/b/k", "uploadId=1", "AbortMultipartUpload"),
        ("DELETE", "/b/k", "", "DeleteObject"),
        ("PATCH", "/b/k", "", "PATCH"),
    ],
)
def test_requests_have_the_names_of_aws(method: str, path: str, query: str, operation: str) -> None:
    assert s3_operation(method, path, query) == operation
