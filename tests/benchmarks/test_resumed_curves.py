"""The promise of pause and resume, on the shipped benchmark: nobody can tell from the curves."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_project import run_pytest

from pytest_synebench import load_runs

TINY = ("--synebench", "lstm_wikitext2", "--variant", "tiny", "--num_trials", "4")
#: Two objectives of a trial at a level are the same number, bit for bit, or they differ.
Curve = dict[tuple[int, int], float]


def curves(folder: Path, scheduler: str) -> Curve:
    (run,) = [r for r in load_runs(folder / ".synebench") if scheduler in str(r.directory)]
    assert run.finished
    if scheduler == "asha_promotion":
        assert any(trial.resumed and trial.saved for trial in run.trials), "nothing was resumed"
    return {(t.id, r.resource): r.loss for t in run.trials for r in t.reports}


@pytest.mark.slow
def test_a_resumed_trial_equals_one_that_never_paused(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = run_pytest(tmp_path, *TINY, "--scheduler", "asha_promotion,fifo", "-q")
    assert done.returncode == 0, done.stdout + done.stderr

    paused, whole = curves(tmp_path, "asha_promotion"), curves(tmp_path, "fifo")
    assert len(paused) > 4
    assert paused == {point: whole[point] for point in paused}
