"""Whether a bucket can be used: something is written, read and deleted in it.

Invariants (tests/backends/sagemaker/preflight/test_bucket.py holds each one, on the emulator):
- nothing is left in a bucket that can be used;
- a bucket that is not there, or is in another region, is wrong, with the command that mends it;
- what is read must be what was written.
"""

from __future__ import annotations

import secrets
from typing import Any

from pytest_synebench.backends.sagemaker.preflight.asking import (
    Clients,
    code_of,
    failures,
    in_words,
    no_right,
)
from pytest_synebench.backends.sagemaker.preflight.findings import Finding, ok, wrong

_ABSENT = frozenset({"NoSuchBucket", "404", "NotFound"})


def bucket(clients: Clients, name: str, prefix: str, region: str) -> Finding:
    """Return whether jobs and this machine can meet in a bucket.

    Args:
        clients: of the account.
        name: of the bucket.
        prefix: of all keys, "" or ending with a slash.
        region: of the jobs.
    """
    client = clients("s3")
    where = f"s3://{name}/{prefix}"
    try:
        there = client.head_bucket(Bucket=name)
    except failures() as error:
        return _refused(error, name, region)
    home = _region(there)
    if home not in ("", region):
        return _elsewhere(name, home, region)
    return _probed(client, name, prefix, where)


def _region(answer: Any) -> str:
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(headers.get("x-amz-bucket-region", ""))


def _elsewhere(name: str, home: str, region: str) -> Finding:
    told = f"s3://{name} is in {home}, and jobs run in {region}, which read their own region's"
    return wrong("bucket", told, f"export AWS_REGION={home}  (or: another --s3_bucket)")


def _refused(error: Exception, name: str, region: str) -> Finding:
    if code_of(error) in _ABSENT:
        mends = f"aws s3 mb s3://{name} --region {region}"
        return wrong("bucket", f"s3://{name}: there is no such bucket", mends)
    home = _region(getattr(error, "response", None) or {})
    if home not in ("", region):
        return _elsewhere(name, home, region)
    return wrong("bucket", f"s3://{name}: {in_words(error)}", _rights(name))


def _rights(name: str) -> str:
    return (
        f"allow s3:ListBucket on arn:aws:s3:::{name}, and s3:GetObject, s3:PutObject, "
        f"s3:DeleteObject on arn:aws:s3:::{name}/*; or --s3_bucket ANOTHER"
    )


def _probed(client: Any, name: str, prefix: str, where: str) -> Finding:
    key = f"{prefix}preflight-{secrets.token_hex(8)}"
    body = secrets.token_bytes(16)
    verb = "write"
    try:
        client.put_object(Bucket=name, Key=key, Body=body)
        verb = "read"
        read = client.get_object(Bucket=name, Key=key)["Body"].read()
        verb = "delete"
        client.delete_object(Bucket=name, Key=key)
    except failures() as error:
        left = "" if verb == "write" else f"; {key} is left there"
        mends = _rights(name) if no_right(error) else "check the bucket, then try again"
        return wrong("bucket", f"{where}: cannot {verb}: {in_words(error)}{left}", mends)
    if read != body:
        told = f"{where}: what was read is not what was written"
        return wrong("bucket", told, "check AWS_ENDPOINT_URL: that is no S3")
    return ok("bucket", f"{where}: written, read, deleted")
