"""Runs that lie in S3 are judged as the same runs on disk; tests/test_main.py has the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from s3_service import Service
from toy_plan import toy_plan

from pytest_synebench.__main__ import main
from pytest_synebench.blackboxes.synthetic import Synthetic
from pytest_synebench.experiment.run import Run

FAMILY = Synthetic(last_level=9, rank_correlation=0.7)
TABLE = FAMILY.table(20)


@pytest.fixture(autouse=True)
def at_the_service(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)


def simulate(folder: Path, url: str, root: Path, run_id: int) -> None:
    fields: dict[str, Any] = {
        "config_space": {**FAMILY.config_space, "epochs": 9},
        "elapsed_time_attr": "seconds",
        "blackbox": TABLE,
    }
    params: dict[str, Any] = {"backend": "simulated", "num_trials": 6, "results": url}
    run = Run.open(toy_plan(folder, fields=fields, run_id=run_id, **params), root=root)
    while not run.done:
        run.pump(0.2)
    run.close()


def test_runs_in_s3_are_judged_as_the_same_runs_on_disk(
    tmp_path: Path, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = {"base": range(6), "change": range(6, 11)}
    for side, ids in sides.items():
        for run_id in ids:
            simulate(tmp_path, f"s3://{bucket}/{side}", tmp_path / side, run_id)
    places = [str(tmp_path), f"s3://{bucket}"]
    told = [
        (main(["gate", f"{place}/base", f"{place}/{side}"]), capsys.readouterr().out)
        for side in ("change", "base")
        for place in places
    ]
    assert told[0] == told[1]
    assert "5 runs against 6 of the baseline" in told[0][1]
    assert told[2] == told[3]
    assert "equal decisions on equal run ids" in told[2][1]


def test_a_baseline_s_file_is_read_from_disk(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", "s3://bucket/main.json", "s3://bucket/runs"]) == 4
    assert "s3://bucket/main.json is a file in S3; a baseline's file is read from disk" in (
        capsys.readouterr().err
    )
