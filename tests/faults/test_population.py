"""Population based training with real processes: a copy goes on from the bytes of another trial.

A trial's state is a chain: every level adds its own trial's x. So a checkpoint tells which trial
trained each of its levels, and a copy that did not begin from its parent's state is found out.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from toy_project import JOURNALS, make_project, run_pytest, start_pytest, until_gone, wait_for_lines

from pytest_synebench.checkpoints import manifest
from pytest_synebench.events import SlotFreed, Start
from pytest_synebench.experiment.journal.journal import read_journal
from pytest_synebench.experiment.store.results import RunRecord, load_runs

SCRIPT = """
import argparse, json, os

from pytest_synebench.training import (
    Reporter,
    add_checkpointing_to_argparse,
    checkpoint_model_at_rung_level,
    resume_from_checkpointed_model,
)


def load(path):
    with open(os.path.join(path, "state.json")) as file:
        state.update(json.load(file))
    return state["epoch"]


def save(path, epoch):
    state["epoch"] = epoch
    with open(os.path.join(path, "state.json"), "w") as file:
        json.dump(state, file)


parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float, required=True)
parser.add_argument("--epochs", type=int, required=True)
parser.add_argument("--work", type=int, default=0)
add_checkpointing_to_argparse(parser)
args = parser.parse_args()
state = {"chain": []}
report = Reporter()
start = resume_from_checkpointed_model(vars(args), load)
for epoch in range(start + 1, args.epochs + 1):
    sum(range(args.work))
    state["chain"].append(args.x)
    checkpoint_model_at_rung_level(vars(args), save, epoch)
    report(epoch=epoch, loss=sum(state["chain"]) / epoch, chain=json.dumps(state["chain"]))
"""
RUN = (
    *("--synebench", "toy", "--scheduler", "pbt", "--perturbation_interval", "2", "-q"),
    *("--population_size", "4", "--num_trials", "8", "--quantile_fraction", "0.25"),
)


def population(folder: Path) -> Path:
    project = make_project(folder)
    (project / "train.py").write_text(SCRIPT)
    return project


def only_run(folder: Path) -> RunRecord:
    (run,) = load_runs(folder / ".synebench")
    return run


def copies(folder: Path) -> dict[int, Start]:
    (path,) = folder.glob(JOURNALS)
    _, entries = read_journal(path)
    decided = [
        d for entry in entries if isinstance(entry.event, SlotFreed) for d in entry.decisions
    ]
    return {d.trial_id: d for d in decided if isinstance(d, Start) and d.checkpoint is not None}


def assert_each_copy_goes_on_from_its_parent(folder: Path) -> dict[int, Start]:
    run, found = only_run(folder), copies(folder)
    chains: dict[tuple[int, int], list[float]] = {}
    for trial in run.trials:
        for report in trial.reports:
            chains[trial.id, report.resource] = json.loads(str(report.metrics["chain"]))
    assert found, "nobody was copied: nothing is shown"
    for trial in run.trials:
        start = found.get(trial.id)
        ref = start.checkpoint if start else None
        first = ref.level + 1 if ref else 1
        levels = [report.resource for report in trial.reports]
        assert levels == list(range(first, first + len(levels)))
        x = trial.config["x"]
        before: list[Any] = chains[ref.trial_id, ref.level] if ref else []
        for n, level in enumerate(levels, 1):
            assert chains[trial.id, level] == before + [x] * n
        if ref is not None:
            assert len(ref.sha256) == 64
    return found


def test_a_copy_continues_from_the_state_of_the_trial_it_copies(tmp_path: Path) -> None:
    folder = population(tmp_path)
    done = run_pytest(folder, *RUN)
    assert done.returncode == 0, done.stdout + done.stderr
    found = assert_each_copy_goes_on_from_its_parent(folder)
    (trials,) = folder.glob(".synebench/runs/*/*/r*/trials")
    for trial_id in found:
        kept = str(trials / str(trial_id) / "checkpoints")
        for level in manifest.levels(kept):
            manifest.verify(manifest.directory_of(kept, level), level, trial=trial_id)


def test_in_virtual_time_the_same_copies_are_made_again(tmp_path: Path) -> None:
    journals = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        folder = population(tmp_path / name)
        done = run_pytest(folder, *RUN, "--deterministic", "1")
        assert done.returncode == 0, done.stdout + done.stderr
        assert_each_copy_goes_on_from_its_parent(folder)
        (path,) = folder.glob(JOURNALS)
        journals.append(path.read_bytes())
    assert journals[0] == journals[1]


def lines_until_a_copy_starts(folder: Path) -> int:
    (path,) = folder.glob(JOURNALS)
    _, entries = read_journal(path)
    starts = [
        number
        for number, entry in enumerate(entries, 2)
        if any(isinstance(d, Start) and d.checkpoint for d in entry.decisions)
    ]
    return starts[0]


SLOW = pytest.mark.slow


@pytest.mark.parametrize("later", [pytest.param(-1, marks=SLOW), 0, pytest.param(1, marks=SLOW)])
def test_a_kill_around_the_start_of_a_copy_is_harmless(tmp_path: Path, later: int) -> None:
    (tmp_path / "whole").mkdir()
    whole = population(tmp_path / "whole")
    run = (*RUN, "--deterministic", "1", "--work", "300000")
    assert run_pytest(whole, *run).returncode == 0
    (tmp_path / "killed").mkdir()
    folder = population(tmp_path / "killed")
    process = start_pytest(folder, *run)
    wait_for_lines(process, folder, lines_until_a_copy_starts(whole) + later)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert until_gone(folder) == []

    resumed = run_pytest(folder, *run, "--synebench-resume", "--audit")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert assert_each_copy_goes_on_from_its_parent(folder) == copies(whole)
