"""Fixtures of the emulator's tests: those that its users have."""

from importlib.util import find_spec

from pytest_synebench.emulator.fixtures import sagemaker_emulator, sagemaker_emulator_process

__all__ = ["sagemaker_emulator", "sagemaker_emulator_process"]

# Without the extra 'emulator' its tests cannot even be imported.
collect_ignore_glob = [] if find_spec("moto") else ["*"]
