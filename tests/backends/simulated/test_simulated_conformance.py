"""The simulated back-end keeps every rule of the protocol, with delays and without."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_synebench.backends.simulated.backend import Delays
from pytest_synebench.testing.backend_suite import BackendSuite
from pytest_synebench.testing.plays import Stage

from .simulated_stage import simulated_stage

SLOW = Delays(start=3.0, report=0.5, stop=2.0, completion=1.0)


class TestSimulatedBackend(BackendSuite):
    @pytest.fixture(params=[Delays(), SLOW], ids=["at-once", "delayed"])
    def stage(self, tmp_path: Path, request: pytest.FixtureRequest) -> Stage:
        return simulated_stage(tmp_path, request.param)
