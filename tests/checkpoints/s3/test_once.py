"""Which bodies are signed: those that have no SHA-256 of their own."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from s3_service import Service

from pytest_synebench.checkpoints.s3.asking import new_client

DATA = b"weights" * 1000
CHECKSUM = b64encode(sha256(DATA).digest()).decode()
UNSIGNED = "UNSIGNED-PAYLOAD"


def signed_as(bucket: str, **more: str) -> tuple[str, str]:
    """Return what the signature of a body says of it, and which headers it covers."""
    client = new_client()
    seen: list[Any] = []
    client.meta.events.register("before-send.s3", lambda request, **_: seen.append(request.headers))
    client.put_object(Bucket=bucket, Key="key", Body=DATA, **more)
    [headers] = seen
    return _text(headers["X-Amz-Content-SHA256"]), _text(headers["Authorization"])


def _text(header: str | bytes) -> str:
    return header.decode() if isinstance(header, bytes) else header


@pytest.fixture(autouse=True)
def account(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)


def test_a_sha256_that_a_request_has_is_signed_and_its_body_is_not_hashed_again(
    bucket: str,
) -> None:
    body, authorization = signed_as(bucket, ChecksumAlgorithm="SHA256", ChecksumSHA256=CHECKSUM)
    assert body == UNSIGNED
    covered = authorization.split("SignedHeaders=")[1].split(",")[0].split(";")
    assert {"x-amz-checksum-sha256", "x-amz-content-sha256"} <= set(covered)


def test_a_body_without_one_is_signed(bucket: str) -> None:
    assert signed_as(bucket)[0] == sha256(DATA).hexdigest()


def test_a_profile_that_asks_for_signed_bodies_gets_them(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text("[default]\ns3 =\n    payload_signing_enabled = true\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    body, _ = signed_as(bucket, ChecksumAlgorithm="SHA256", ChecksumSHA256=CHECKSUM)
    assert body == sha256(DATA).hexdigest()
