from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_synebench import blackboxes


def test_every_public_name_is_there() -> None:
    for name in blackboxes.__all__:
        assert getattr(blackboxes, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'Blackbx'"):
        getattr(blackboxes, "Blackbx")  # noqa: B009 - no such name, mypy would say


def test_a_definition_loads_no_numpy() -> None:
    code = "import sys, pytest_synebench.definition; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
