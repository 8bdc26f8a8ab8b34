"""Whole runs whose results are copied to S3, and read back from there."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import Any

import pytest
from s3_service import Service
from toy_plan import toy_plan

from pytest_synebench import load_runs
from pytest_synebench.blackboxes.synthetic import Synthetic
from pytest_synebench.errors import BackendError, RunError, UsageError
from pytest_synebench.experiment.keeping import results_copy
from pytest_synebench.experiment.keeping.results_copy import FILES, ResultsCopy
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.reevaluation import reevaluate
from pytest_synebench.experiment.run import Run
from pytest_synebench.experiment.store import fetching

FAMILY = Synthetic(last_level=9, rank_correlation=0.7)
TABLE = FAMILY.table(20)


@pytest.fixture(autouse=True)
def at_the_service(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(ResultsCopy.__init__.__kwdefaults__ or {}, "backoff_s", 0.0005)


def plan(folder: Path, url: str, **params: Any) -> Plan:
    fields: dict[str, Any] = {
        "config_space": {**FAMILY.config_space, "epochs": 9},
        "elapsed_time_attr": "seconds",
        "blackbox": TABLE,
    }
    run_id = params.pop("run_id", 0)
    chosen: dict[str, Any] = {"backend": "simulated", "num_trials": 6, "results": url} | params
    return toy_plan(folder, fields=fields, run_id=run_id, **chosen)


def simulate(plan: Plan, root: Path, **options: Any) -> Run:
    run = Run.open(plan, root=root, **options)
    while not run.done:
        run.pump(0.2)
    run.close()
    return run


def keys(client: Any, bucket: str) -> list[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [one["Key"] for page in pages for one in page.get("Contents", ())]


def test_what_is_trained_anew_later_is_copied_as_well(tmp_path: Path, bucket: str) -> None:
    url, root = f"s3://{bucket}/runs", tmp_path / "root"
    one = plan(tmp_path, url)
    directory = simulate(one, root).directory

    def make(other: Plan, below: Path) -> Path:
        return simulate(other, below).directory

    reevaluate(one, directory, 2, make=make, say=print)
    [here], [there] = load_runs(root), load_runs(url)
    assert len(here.reevaluated) == 2
    assert there.reevaluated == here.reevaluated


def test_runs_land_under_keys_of_their_own_and_read_back_equal_local(
    tmp_path: Path, bucket: str, client: Any, service: Service
) -> None:
    url = f"s3://{bucket}/team/hpo"
    plans = [plan(tmp_path, url, run_id=i) for i in range(3)]
    plans += [plan(tmp_path, url, scheduler="asha_promotion"), plans[0]]
    runs = [simulate(one, tmp_path / "root") for one in plans]
    expected = {
        f"team/hpo/toy/{run.plan.setup}/{run.directory.name}/{name}"
        for run in runs
        for name in FILES
        if (run.directory / name).exists()
    }
    assert set(keys(client, bucket)) == expected
    assert len({key.rpartition("/")[0] for key in expected}) == 5
    service.asked(bucket)
    local, remote = load_runs(tmp_path / "root"), load_runs(url)
    asked = [key for method, key, _ in service.asked(bucket) if "list-type" not in key]
    assert all(key.endswith("metadata.json") for key in asked), "no journal is read in advance"
    assert [run.directory.name for run in remote] == [run.directory.name for run in local]
    for here, there in zip(local, remote, strict=True):
        assert (there.finished, there.reason) == (here.finished, here.reason)
        assert there.metadata == here.metadata
        assert repr(there.trials) == repr(here.trials)
        assert there.rows == here.rows
        mine, theirs = (one.directory / "results.csv.gz" for one in (here, there))
        assert mine.read_bytes() == theirs.read_bytes()
    assert [len(load_runs(url, run_id=i)) for i in range(3)] == [3, 1, 1]
    assert len(load_runs(f"{url}/toy/{plans[3].setup}")) == 1
    assert "synebench-results" not in {one.name for one in threading.enumerate()}


def test_what_is_forgotten_leaves_nothing_behind(tmp_path: Path, bucket: str) -> None:
    url = f"s3://{bucket}"
    simulate(plan(tmp_path, url), tmp_path / "root")
    runs = load_runs(url)
    folder = runs[0].directory
    assert folder.exists()
    del runs
    gc.collect()
    assert not folder.exists()


def test_while_a_run_goes_on_what_has_changed_is_sent(
    tmp_path: Path, bucket: str, client: Any
) -> None:
    sent = threading.Event()

    class Telling:
        def put_object(self, *, Key: str, **more: Any) -> Any:  # noqa: N803
            done = client.put_object(Key=Key, **more)
            if more["Body"] == b"later":
                sent.set()
            return done

    (tmp_path / "journal.jsonl").write_bytes(b"first")
    copy = ResultsCopy(f"s3://{bucket}", "a/b/r0", tmp_path, client=Telling(), period_s=0.01)
    copy.start()
    (tmp_path / "journal.jsonl").write_bytes(b"later")
    assert sent.wait(30)
    remarks: list[str] = []
    copy.finish(remarks.append)
    copy.close()
    assert keys(client, bucket) == ["a/b/r0/journal.jsonl"]
    assert remarks == []


def test_a_bucket_that_cannot_be_written_is_refused_before_the_first_trial(
    tmp_path: Path,
) -> None:
    with pytest.raises(BackendError, match=r"the results cannot be copied: .*no such bucket"):
        simulate(plan(tmp_path, "s3://no-such-bucket-here"), tmp_path / "root")
    with pytest.raises(UsageError, match="results is 'somewhere'; known: s3://BUCKET/PREFIX"):
        simulate(plan(tmp_path, "somewhere"), tmp_path / "root")
    (run, _) = load_runs(tmp_path / "root")
    assert run.trials == ()


def test_what_is_lost_on_the_way_is_sent_again(
    tmp_path: Path, bucket: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results_copy, "_TRIES", 40)
    service.break_at(bucket, 0.3, ("503", "drop before", "drop after", "flip upload"), seed=1)
    run = simulate(plan(tmp_path, f"s3://{bucket}"), tmp_path / "root")
    service.mend(bucket)
    assert not any("could not all be copied" in text for text in run.remarks)
    assert load_runs(f"s3://{bucket}")[0].rows == load_runs(tmp_path / "root")[0].rows


def test_a_bucket_that_goes_away_costs_the_run_nothing_and_a_resume_mends_it(
    tmp_path: Path, bucket: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run.open(plan(tmp_path, f"s3://{bucket}"), root=tmp_path / "root")
    service.break_at(bucket, 1.0, ("503",))
    while not run.done:
        run.pump(0.2)
    run.close()
    assert run.finished
    (told,) = [text for text in run.remarks if "could not all be copied" in text]
    assert "--synebench-resume copies them" in told
    service.mend(bucket)
    (there,) = load_runs(f"s3://{bucket}")
    assert (there.state, there.trials) == ("open", ())
    simulate(run.plan, tmp_path / "root", resume=True)
    (there,) = load_runs(f"s3://{bucket}")
    assert there.finished
    assert len(there.trials) == 6


def test_broken_metadata_and_foreign_keys_cost_that_run_only(
    tmp_path: Path, bucket: str, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate(plan(tmp_path, f"s3://{bucket}"), tmp_path / "root")
    for key, body in {"x/metadata.json": b"{", "a/../../metadata.json": b"{}"}.items():
        client.put_object(Bucket=bucket, Key=key, Body=body)
    runs = load_runs(f"s3://{bucket}")
    assert len(runs) == 1
    assert {str(path) for path in runs.problems} == {"x/metadata.json", "a/../../metadata.json"}
    place = fetching.Bucket(f"s3://{bucket}").place
    with pytest.raises(RunError, match="is no key of a run of ours"):
        place("../r0/metadata.json")
