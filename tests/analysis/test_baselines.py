"""Baselines as files, and what makes a run comparable with one."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.analysis.baselines import (
    Entry,
    baseline_path,
    make_entry,
    problem,
    read_baseline,
    save,
)
from pytest_synebench.errors import UsageError
from pytest_synebench.events import Opened
from pytest_synebench.experiment.journal.journal import Journal
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.store.results import RunRecord
from pytest_synebench.scoring import Declared
from pytest_synebench.trial import Report, TrialId

PARAMS = {"num_trials": 9, "random_seed_offset": 0, "scheduler": "fifo", "stop_grace": 10.0}
METADATA: dict[str, Any] = {
    "benchmark": "toy",
    "setup": "base-fifo-random",
    "metric": "loss",
    "mode": "min",
    "dataset": "none",
    "space": {"x": [0, 1]},
    "params": PARAMS,
    "versions": {"python": "3.11.7"},
    "machine": {"cpus": 2},
}


def run(tmp_path: Path, run_id: int, *losses: float) -> RunRecord:
    directory = tmp_path / str(run_id)
    directory.mkdir()
    journal = Journal(directory / "journal.jsonl")
    journal.begin({})
    journal.append(Opened(at_s=0.0))
    journal.close()
    trial = TrialRecord(TrialId(0), {}, None)
    trial.reports += [
        Report(trial_id=TrialId(0), resource=i, loss=loss, at_s=i, metrics={})
        for i, loss in enumerate(losses, 1)
    ]
    metadata = {**METADATA, "run_id": run_id, "seed": run_id}
    return RunRecord(
        directory=directory, metadata=metadata, finished=True, reason="", read=lambda: (trial,)
    )


def entry(tmp_path: Path) -> Entry:
    tmp_path.mkdir(exist_ok=True)
    runs = [run(tmp_path, 2, math.nan), run(tmp_path, 0, 3.0, 1.0), run(tmp_path, 1, 5.0)]
    return make_entry(runs, ["why"])


def test_an_entry_has_scores_seeds_and_two_fingerprints(tmp_path: Path) -> None:
    made = entry(tmp_path)
    assert made.run_ids == [0, 1, 2]
    assert made.seeds == {0, 1, 2}
    assert list(made.fingerprints) == [0, 1]
    assert made.horizon == 2
    scores = made.scores()
    assert scores["final"][:2] == [1.0, 5.0]
    assert scores["area"][:2] == [2.0, 5.0]
    assert math.isnan(scores["final"][2])


def test_a_run_is_judged_by_what_was_declared_when_the_baseline_was_made(tmp_path: Path) -> None:
    gate = {"floor": 2.0, "scores": {"units": ["same", 1.0]}, "paired": True}
    runs = [run(tmp_path, i, 3.0, 1.0) for i in range(2)]
    runs = [replace(one, metadata={**one.metadata, "gate": gate}) for one in runs]
    made = make_entry(runs)
    assert (made.declared, made.paired) == ({"units": Declared("same", 1.0)}, True)
    assert made.scores() == {"final": [1.0, 1.0], "area": [2.5, 2.5], "units": [2.0, 2.0]}
    later = run(tmp_path, 7, 3.0, 1.0)
    assert made.scores_of(later) == {"final": 1.0, "area": 2.5, "units": 2.0}
    old = entry(tmp_path / "old")
    assert (old.declared, old.paired) == ({}, False), "a baseline may be older than all that"


def test_what_is_saved_is_read_back_and_the_rest_is_left_alone(tmp_path: Path) -> None:
    path = baseline_path(tmp_path / "root", "main")
    made = entry(tmp_path)
    save(path, {"a::s": made})
    before = path.read_bytes()
    save(path, {"a::s": made})
    assert path.read_bytes() == before, "equal runs, equal bytes"
    save(path, {"b::s": made})
    assert set(read_baseline(path)) == {"a::s", "b::s"}
    assert repr(read_baseline(path)["a::s"].scores()) == repr(made.scores())
    assert read_baseline(tmp_path / "none.json") == {}
    json.loads(before, parse_constant=lambda name: pytest.fail(f"{name} is no strict JSON"))


def test_what_differs_is_named(tmp_path: Path) -> None:
    made = entry(tmp_path)
    assert made.differences(METADATA) == ()
    other = {**METADATA, "dataset": "more", "params": {**PARAMS, "num_trials": 5}}
    assert made.differences(other) == (
        "dataset: 'none' in the baseline, 'more' now",
        "params.num_trials: 9 in the baseline, 5 now",
    )


def test_offset_and_how_a_run_is_carried_out_never_differ(tmp_path: Path) -> None:
    params = {**PARAMS, "random_seed_offset": 7, "stop_grace": 1.0}
    assert entry(tmp_path).differences({**METADATA, "params": params}) == ()


def test_a_younger_parameter_had_its_default(tmp_path: Path) -> None:
    made = entry(tmp_path)
    assert made.differences({**METADATA, "params": {**PARAMS, "grace_period": 1}}) == ()
    [difference] = made.differences({**METADATA, "params": {**PARAMS, "grace_period": 2}})
    assert difference == "params.grace_period: 1 in the baseline, 2 now"


def test_other_machines_and_versions_are_told(tmp_path: Path) -> None:
    made = entry(tmp_path)
    assert made.elsewhere(METADATA) == ""
    assert made.elsewhere({**METADATA, "machine": {"cpus": 8}}) == "machine cpus 2 then, 8 now"
    assert made.elsewhere({**METADATA, "machine": {"cpus": 2, "model": "x"}}) == "", "it is older"


def test_the_problem_is_plain_data() -> None:
    assert json.loads(json.dumps(problem(METADATA))) == problem(METADATA)


@pytest.mark.parametrize("name", ["", "../main", "a/b", ".hidden", "a b"])
def test_a_name_is_a_file_s(name: str) -> None:
    with pytest.raises(UsageError, match="a baseline is called"):
        baseline_path(Path(), name)


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 1}', '{"schema": 1, "setups": []}'])
def test_a_damaged_baseline_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "main.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="is no baseline of ours"):
        read_baseline(path)


def test_a_newer_baseline_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "main.json"
    path.write_text('{"schema": 2, "setups": {}}')
    with pytest.raises(UsageError, match="has schema 2; this version reads up to 1"):
        read_baseline(path)
