"""Fixtures of the emulator's tests: those that its users have."""

import pytest

pytest.importorskip("moto", reason="needs the extra 'emulator'")

from pytest_synebench.emulator.fixtures import (
    sagemaker_emulator,
    sagemaker_emulator_process,
)

__all__ = ["sagemaker_emulator", "sagemaker_emulator_process"]
