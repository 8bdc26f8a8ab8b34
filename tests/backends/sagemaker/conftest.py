"""The emulator, for the tests of the port."""

from pytest_synebench.emulator.fixtures import sagemaker_emulator, sagemaker_emulator_process

__all__ = ["sagemaker_emulator", "sagemaker_emulator_process"]
