"""Copies of other trials: the bytes are found before the decision is written down."""

from __future__ import annotations

from pathlib import Path

import pytest
from tuner_bench import Bench, levels

from pytest_synebench.checkpoints.protocol import CheckpointStore
from pytest_synebench.events import Start
from pytest_synebench.experiment.journal.journal import Journal
from pytest_synebench.trial import CheckpointRef, TrialId

PBT = {
    "scheduler": "pbt",
    "num_workers": 2,
    "population_size": 2,
    "perturbation_interval": 2,
    "quantile_fraction": 0.5,
    "num_trials": 4,
}


class Forgetful(Bench):
    """A run whose store has no checkpoint for a copy."""

    def adopt(
        self, source: Path, target: Path, at_most: int, trial_id: TrialId
    ) -> CheckpointRef | None:
        return None


def starts(bench: Bench) -> list[Start]:
    entries = Journal(bench.root / "journal.jsonl", sync=False).entries
    return [d for entry in entries for d in entry.decisions if isinstance(d, Start)]


@pytest.mark.parametrize("deterministic", [False, True])
def test_what_is_written_down_names_the_bytes_that_were_found(
    tmp_path: Path, *, deterministic: bool
) -> None:
    bench = Bench(tmp_path, params={**PBT, "deterministic": deterministic})
    store: CheckpointStore = bench
    assert store is bench
    tuner = bench.run()
    found = [start for start in starts(bench) if start.checkpoint]
    assert found
    for start in found:
        assert start.checkpoint is not None
        assert start.checkpoint.sha256 == "0" * 64
        reported = levels(tuner, start.trial_id)
        assert reported[:1] == [start.checkpoint.level + 1]
    assert tuner.remarks == []


def test_a_copy_without_bytes_starts_from_scratch_and_that_is_said(tmp_path: Path) -> None:
    bench = Forgetful(tmp_path, params=PBT)
    tuner = bench.run()
    assert {start.checkpoint for start in starts(bench)} == {None}
    remark = tuner.remarks[0]
    assert remark.endswith(
        "of trial 0, but that one has no good checkpoint: it starts from scratch"
    )
    copy = int(remark.split()[1])
    assert levels(tuner, copy)[:1] == [1]
