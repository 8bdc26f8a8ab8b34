"""The supervisor is killed, as by a machine without memory: the run breaks off, and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from toy_project import make_project, run_pytest, start_pytest, until_gone, wait_for_lines

from pytest_synebench.backends.supervision.leftovers import everything
from pytest_synebench.experiment.store.results import load_runs
from pytest_synebench.trial import TrialState

# Both trials are in their first epoch when both have begun: nobody is between two attempts.
RUN = ("--synebench", "toy", "--scheduler", "fifo", "--num_trials", "2", "--work", "20000000", "-v")
BOTH_BEGAN = 6  # lines of the journal: header, opened, two slots, two beginnings


def supervisors(process: subprocess.Popen[str]) -> list[int]:
    return [seen.pid for seen in everything() if seen.parent == process.pid]


def test_a_killed_supervisor_fails_no_trial(tmp_path: Path) -> None:
    folder = make_project(tmp_path)
    process = start_pytest(folder, *RUN)
    wait_for_lines(process, folder, BOTH_BEGAN)
    for pid in supervisors(process):
        os.kill(pid, signal.SIGKILL)

    assert process.wait(timeout=120) == 1
    told = (folder / "out.txt").read_text()
    assert "the experiment broke off: the supervisor of this machine's trials has ended" in told
    assert "--synebench-resume" in told
    assert until_gone(folder) == []

    resumed = run_pytest(folder, *RUN, "--synebench-resume")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    (run,) = load_runs(folder / ".synebench")
    assert run.finished
    assert TrialState.FAILED not in {trial.state for trial in run.trials}


def test_a_test_that_changes_the_folder_does_not_change_where_trials_run(tmp_path: Path) -> None:
    folder = make_project(tmp_path)
    script = folder / "train.py"
    script.write_text(script.read_text() + "\nprint('folder:', os.getcwd())\n")
    (folder / "test_a.py").write_text(
        "import os\n\n\ndef test_goes_away(tmp_path):\n    os.chdir(tmp_path)\n"
    )
    done = run_pytest(folder, "--synebench", "toy", "--scheduler", "fifo", "test_a.py", ".")
    assert done.returncode == 0, done.stdout + done.stderr
    logs = [path.read_text() for path in folder.glob(".synebench/runs/*/*/*/trials/*/stdout.log")]
    assert logs
    assert {log.strip() for log in logs} <= {f"folder: {folder}", ""}
