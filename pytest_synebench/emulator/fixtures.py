"""Fixtures for tests of anything that talks to SageMaker.

In the ``conftest.py`` at the root of the tests::

    pytest_plugins = ["pytest_synebench.emulator.fixtures"]
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_synebench.emulator.handle import Emulator, emulating


@pytest.fixture(scope="session")
def sagemaker_emulator_process() -> Iterator[Emulator]:
    """Yield the one emulator of this session; its clock stands still until it is advanced."""
    with emulating(driven_clock=True) as emulator:
        yield emulator


@pytest.fixture
def sagemaker_emulator(
    sagemaker_emulator_process: Emulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Emulator]:
    """Yield an emulator of SageMaker whose account is empty, and lead boto3 to it."""
    for name, value in sagemaker_emulator_process.variables.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    yield sagemaker_emulator_process
    sagemaker_emulator_process.reset()
