"""Scripts that print Syne Tune's lines, as whole experiments: said at launch, paused, resumed."""

from __future__ import annotations

from pathlib import Path

import pytest
from guide_pages import GUIDE, blocks, write
from toy_project import run_pytest

from pytest_synebench.experiment.store.results import RunRecord, load_runs


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The example of the guide, in a folder of its own."""
    for block in blocks(GUIDE / "scripts.md"):
        if block.option("file").startswith("old/"):
            write(tmp_path, Path(block.option("file")).name, block.text)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def ran(project: Path, *options: str) -> tuple[RunRecord, str]:
    done = run_pytest(project, "--synebench=train_height", "--oversubscribe=1", "-v", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = load_runs(project / ".synebench")
    return run, done.stdout


@pytest.mark.parametrize("launch", ["warm", "cold"])
def test_it_pauses_and_goes_on_from_its_own_checkpoints(project: Path, launch: str) -> None:
    run, printed = ran(project, "--num_workers=2", f"--launch={launch}")

    assert "note: train_height reports by what it prints (report_protocol 'syne_tune')" in printed
    assert run.metadata["outcome"]["units"]["repeated"] == 0
    assert set(run.metadata["outcome"]["resumes"]) == {"resumed"}
    for trial in run.trials:
        assert [r.resource for r in trial.reports] == list(range(1, trial.level + 1))
        log = (run.directory / "trials" / str(trial.id) / "stdout.log").read_text()
        assert log.count("[tune-metric]") == trial.level
    assert "st_worker_timestamp" not in run.rows[0]


def test_with_the_full_horizon_it_is_ended_at_its_level(project: Path) -> None:
    conftest = (project / "conftest.py").read_text()
    (project / "conftest.py").write_text(conftest.replace('horizon="rung"', 'horizon="full"'))
    run, _ = ran(project, "--checkpointing=off", "--scheduler=asha_promotion")

    assert any(trial.level == 9 for trial in run.trials)
    units = run.metadata["outcome"]["units"]
    assert (units["saved"], units["repeated"] > 0) == (0, True)  # it has no checkpoints
    for trial in run.trials:
        assert [r.resource for r in trial.reports] == list(range(1, trial.level + 1))


def test_a_stopped_run_in_virtual_time_is_the_same_twice(project: Path) -> None:
    journals = []
    for _ in range(2):
        run, _ = ran(project, "--deterministic=1", "--scheduler=asha_stopping", "--num_trials=5")
        journals.append([(t.id, r.resource, r.loss) for t in run.trials for r in t.reports])
        (run.directory / "journal.jsonl").unlink()
    assert journals[0] == journals[1]


def test_a_benchmark_that_does_not_say_so_is_told(project: Path) -> None:
    conftest = (project / "conftest.py").read_text()
    (project / "conftest.py").write_text(conftest.replace('report_protocol="syne_tune",', ""))
    done = run_pytest(project, "--synebench=train_height", "--num_trials=1")
    assert done.returncode == 1
    assert "without one report of 'mean_loss'" in done.stdout
    assert "Benchmark(report_protocol='syne_tune') reads them" in done.stdout
