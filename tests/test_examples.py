"""The examples are run as their first lines say."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from toy_project import environment

EXAMPLES = Path(__file__).parent.parent / "examples"
DATA = find_spec("sklearn") is not None and find_spec("torch") is not None


@pytest.mark.skipif(not DATA, reason="needs the extras torch and sklearn")
def test_fashionmnist_is_launched_from_a_script(tmp_path: Path) -> None:
    options = ("--variant=tiny", "--dataset_name=digits", "--num_trials=2", "--num_workers=1")
    done = subprocess.run(
        [sys.executable, EXAMPLES / "launch_fashionmnist.py", *options],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mlp_fashionmnist::tiny-asha_promotion-random-r0\n  best: accuracy 0." in done.stdout
    assert "data: digits of scikit-learn (stand-in)" in done.stdout
    assert "best: {'n_units_1': " in done.stdout
    assert len(list(tmp_path.glob(".synebench/runs/mlp_fashionmnist/*/r0-*"))) == 1
