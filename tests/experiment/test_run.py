"""The façade, with real processes of a torch-free script."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from real_plans import plan_in
from toy_project import SCRIPT, attempts_alive

from pytest_synebench.definition import Benchmark
from pytest_synebench.errors import RunError, UsageError
from pytest_synebench.events import Closed, Opened
from pytest_synebench.experiment.journal.journal import read_journal
from pytest_synebench.experiment.plan.parameter_table import GLOBALS, resolve
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.run import Run
from pytest_synebench.experiment.store.directories import read_metadata
from pytest_synebench.space import uniform
from pytest_synebench.trial import TrialId, TrialState


def finish(run: Run) -> Run:
    while not run.done:
        run.pump(10.0)
    run.close()
    return run


def entries_of(run: Run) -> list[object]:
    _, entries = read_journal(run.directory / "journal.jsonl")
    return [entry.event for entry in entries]


def test_a_run_ends_with_its_files_written_and_no_process_left(tmp_path: Path) -> None:
    run = finish(Run.open(plan_in(tmp_path), root=tmp_path / "s"))
    assert run.finished
    assert [trial.state for trial in run.trials.values()].count(TrialState.COMPLETED) == 1
    assert sorted(run.ended) == [0, 1, 2]
    assert all(run.final(TrialId(i)) for i in range(3))
    names = {path.name for path in run.directory.iterdir()}
    assert {"journal.jsonl", "timings.jsonl", "metadata.json", "results.csv.gz", "trials"} <= names
    assert read_metadata(run.directory)["outcome"]["finished"]
    assert attempts_alive(run.directory) == []
    assert all(run.busy_s(trial_id) > 0 for trial_id in run.trials)


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    first = Run.open(plan_in(tmp_path), root=tmp_path / "s")
    while not first.table.units:
        first.pump(10.0)
    first.interrupt("Ctrl-C")
    assert first.done
    assert not first.finished
    assert attempts_alive(first.directory) == []

    second = finish(Run.open(plan_in(tmp_path), root=tmp_path / "s", resume=True, audit=True))
    assert second.directory == first.directory
    assert second.resumed
    assert second.finished
    assert sum(isinstance(event, Opened) for event in entries_of(second)) == 2


def test_a_finished_run_is_reported_again_and_nothing_is_started(tmp_path: Path) -> None:
    first = finish(Run.open(plan_in(tmp_path), root=tmp_path / "s"))
    before = entries_of(first)
    again = Run.open(plan_in(tmp_path), root=tmp_path / "s", resume=True)
    assert again.done
    assert again.summary().best == first.summary().best
    assert "it is reported again" in again.summary().remarks[0]
    assert entries_of(again) == before


def test_a_finished_run_with_higher_limits_goes_on(tmp_path: Path) -> None:
    first = finish(Run.open(plan_in(tmp_path), root=tmp_path / "s"))
    more = finish(Run.open(plan_in(tmp_path, num_trials=5), root=tmp_path / "s", resume=True))
    assert more.directory == first.directory
    assert len(more.trials) == 5
    closed = [event for event in entries_of(more) if isinstance(event, Closed)]
    assert [event.finished for event in closed] == [True, True]
    again = Run.open(plan_in(tmp_path, num_trials=5), root=tmp_path / "s", resume=True)
    assert again.done


def test_where_there_is_nothing_to_resume_a_run_is_started_and_that_is_said(
    tmp_path: Path,
) -> None:
    run = finish(Run.open(plan_in(tmp_path), root=tmp_path / "s", resume=True))
    assert "there is no run to go on with" in run.summary().remarks[0]
    assert run.finished


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scheduler": "fifo"}, None),
        ({"grace_period": 2}, "params.grace_period: 1 then, 2 now"),
        ({"random_seed_offset": 5}, "seed: 0 then, 5 now"),
        ({"num_trials": 2}, "a resumed run may have more trials, not fewer"),
    ],
)
def test_another_experiment_is_not_gone_on_with(
    tmp_path: Path, change: Mapping[str, Any], said: str | None
) -> None:
    finish(Run.open(plan_in(tmp_path), root=tmp_path / "s"))
    if said is None:  # another setup: it has a directory of its own, with no run yet
        run = finish(Run.open(plan_in(tmp_path, **change), root=tmp_path / "s", resume=True))
        assert not run.resumed
        return
    with pytest.raises(UsageError) as caught:
        Run.open(plan_in(tmp_path, **change), root=tmp_path / "s", resume=True)
    assert said in str(caught.value)


def test_an_edited_script_is_not_gone_on_with(tmp_path: Path) -> None:
    finish(Run.open(plan_in(tmp_path), root=tmp_path / "s"))
    with pytest.raises(UsageError, match="script_sha256"):
        Run.open(plan_in(tmp_path, SCRIPT + "\n"), root=tmp_path / "s", resume=True)


def test_a_second_controller_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    first = Run.open(plan_in(tmp_path), root=tmp_path / "s")
    first.pump(10.0)
    with pytest.raises(RunError, match=f"held by pid {os.getpid()} on "):
        Run.open(plan_in(tmp_path), root=tmp_path / "s", resume=True)
    assert finish(first).finished


def test_what_needs_levels_is_refused_before_a_directory_is_made(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    definition = Benchmark(
        script=tmp_path / "train.py", config_space={"x": uniform(0, 1)}, metric="loss"
    )
    values = resolve(GLOBALS, [("user", {"scheduler": "asha_promotion"})], "toy")
    plan = Plan(benchmark="toy", variant="v", params=values, definition=definition)
    with pytest.raises(UsageError, match="resource_attr"):
        Run.open(plan, root=tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_metadata_that_a_crash_kept_from_being_written_is_written_later(tmp_path: Path) -> None:
    first = Run.open(plan_in(tmp_path), root=tmp_path / "s")
    first.close()
    (first.directory / "metadata.json").unlink()
    second = finish(Run.open(plan_in(tmp_path), root=tmp_path / "s", resume=True))
    assert "versions" in read_metadata(second.directory)


def test_a_full_disk_ends_the_run_clearly_and_it_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Run.open(plan_in(tmp_path), root=tmp_path / "s")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pytest_synebench.durable.os.fsync", full)
        with pytest.raises(RunError, match=r"No space left on device.*--synebench-resume"):
            finish(first)
    assert first.done
    assert attempts_alive(first.directory) == []

    second = finish(Run.open(plan_in(tmp_path), root=tmp_path / "s", resume=True))
    assert second.finished


def test_a_finished_run_is_not_opened_again_by_what_is_no_limit(tmp_path: Path) -> None:
    first = finish(Run.open(plan_in(tmp_path), root=tmp_path / "s"))
    before = entries_of(first)
    other = plan_in(tmp_path, log_cap_mb=10, stop_grace=1.0, num_workers=1)
    again = Run.open(other, root=tmp_path / "s", resume=True)
    assert again.done
    assert entries_of(again) == before


def test_fewer_trials_are_refused_after_a_session_that_died(tmp_path: Path) -> None:
    finish(Run.open(plan_in(tmp_path), root=tmp_path / "s"))
    died = Run.open(plan_in(tmp_path, num_trials=6), root=tmp_path / "s", resume=True)
    died._release()  # nothing is concluded, as where the process is killed
    with pytest.raises(UsageError, match="has been run with num_trials 6, now it is 3"):
        Run.open(plan_in(tmp_path), root=tmp_path / "s", resume=True)


def test_fewer_trials_than_were_started_are_refused_without_metadata(tmp_path: Path) -> None:
    run = finish(Run.open(plan_in(tmp_path), root=tmp_path / "s"))
    (run.directory / "metadata.json").unlink()
    with pytest.raises(UsageError, match="has been run with num_trials 3, now it is 2"):
        Run.open(plan_in(tmp_path, num_trials=2), root=tmp_path / "s", resume=True)
