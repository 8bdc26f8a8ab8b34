"""Scripts that cannot be forked from a warm process: they run cold, a note says why."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from toy_project import make_project, run_pytest, until_gone

from pytest_synebench.experiment.store.results import load_runs

THREAD = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
PROCESS = "import subprocess\nchild = subprocess.Popen(['/bin/sleep', '1000'])\n"
CUDA = """
import sys
import types

sys.modules["torch"] = types.SimpleNamespace(
    cuda=types.SimpleNamespace(is_initialized=lambda: True), manual_seed=lambda seed: None
)
"""
WHY = {
    "a thread": (THREAD, "importing heavy starts a thread"),
    "a process": (PROCESS, "importing heavy starts a process"),
    "CUDA": (CUDA, "importing heavy initialises CUDA"),
    "an end": ("import os\nos._exit(3)\n", "its imports end the process: "),
}


@pytest.mark.parametrize("case", WHY)
def test_what_an_import_leaves_behind_is_named_and_trials_run_cold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    code, why = WHY[case]
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages/heavy.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"), prepend=":")
    folder = make_project(tmp_path)
    script = folder / "train.py"
    script.write_text("if False:\n    import heavy\n" + script.read_text())

    done = run_pytest(folder, "--synebench", "toy")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(f"note: trials are started cold: {why}") == 1, done.stdout
    assert until_gone(folder) == []
    (run,) = load_runs(folder / ".synebench")
    assert run.finished


def test_an_interpreter_of_its_own_is_cold_and_that_is_said(tmp_path: Path) -> None:
    folder = make_project(tmp_path)
    conftest = folder / "conftest.py"
    conftest.write_text(
        conftest.read_text().replace("metric=", f"interpreter={sys.executable!r},\n        metric=")
    )
    done = run_pytest(folder, "--synebench", "toy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("note: trials are started cold: its own interpreter") == 1


def test_a_warm_run_has_nothing_to_say(tmp_path: Path) -> None:
    done = run_pytest(make_project(tmp_path), "--synebench", "toy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cold" not in done.stdout
