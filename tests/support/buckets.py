"""Fixtures: a service in another process, a client of it, an empty bucket."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from s3_service import Service, serving


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """Yield an S3 of this session."""
    pytest.importorskip("moto", reason="needs the extra 'emulator'")
    with serving() as running:
        yield running


@pytest.fixture(scope="session")
def client(service: Service) -> Any:
    """Return a client whose requests are asked once."""
    from pytest_synebench.checkpoints.s3.asking import new_client

    with pytest.MonkeyPatch.context() as patch:
        for name, value in service.environment.items():
            patch.setenv(name, value)
        return new_client()


@pytest.fixture
def bucket(client: Any, service: Service) -> str:
    """Return the name of a bucket that nobody else has."""
    name = f"b-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=name)
    service.asked(name)
    return name
