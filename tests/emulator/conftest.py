"""Fixtures of the emulator's tests: those that its users have."""

from importlib.util import find_spec

# Without the extra 'emulator' its tests cannot even be imported.
collect_ignore_glob = [] if find_spec("moto") else ["*"]
