"""The local back-end keeps every rule of the protocol."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_synebench.testing.backend_suite import BackendSuite
from pytest_synebench.testing.plays import PLAYER, Stage

from .local_stage import local_stage


class TestLocalBackend(BackendSuite):
    @pytest.fixture(params=["warm", "cold"])
    def stage(self, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
        remarks: list[str] = []
        with local_stage(tmp_path, PLAYER, launch=request.param, remark=remarks.append) as stage:
            yield stage
        assert remarks == []
