"""The shipped benchmarks, with their checkpoints in an S3 in another process.

``SYNEBENCH_VARIANT=lstm`` has lstm_wikitext2 run as people do, which takes minutes.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from s3_service import Service
from wiping import finish_wiping

from pytest_synebench.checkpoints.hashing import Digest
from pytest_synebench.experiment.plan.parameter_table import GLOBALS, resolve
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.run import Run
from pytest_synebench.plugin.compat import walk_declarations

VARIANT = os.environ.get("SYNEBENCH_VARIANT", "tiny")


@pytest.fixture
def store(bucket: str, service: Service, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{bucket}/hpo"


def plan_of(name: str, variant: str, **params: Any) -> Plan:
    module = import_module(f"pytest_synebench.benchmarks.{name}.benchmark")
    [declaration] = walk_declarations(module)
    overrides = {v.id: v.overrides for v in declaration.variants}[variant]
    values = declaration.default_params | overrides | params | {"oversubscribe": True}
    own = {key: value for key, value in values.items() if key not in GLOBALS}
    known = {key: value for key, value in values.items() if key in GLOBALS}
    resolved = {**resolve(GLOBALS, [("user", known)], name), **own}
    return Plan(
        benchmark=name,
        variant=variant,
        params=resolved,
        definition=declaration.function(resolved),
    )


def objects(client: Any, bucket: str) -> dict[str, bytes]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    return {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def assert_kept(run: Run, found: dict[str, bytes]) -> None:
    """One manifest per level at which a trial saved, as long as it is needed; one blob per content.

    And the name of who has kept them; nothing else.
    """
    prefix = f"hpo/{run.plan.benchmark}/{run.plan.setup}/{run.directory.name}"
    manifests = {key: json.loads(data) for key, data in found.items() if "/trials/" in key}
    blobs = {key: data for key, data in found.items() if "/blobs/" in key}
    assert len(manifests) + len(blobs) + 1 == len(found)
    assert f"{prefix}/controller" in found

    at = run.launch.checkpoint_at
    saved = {
        t.id: [r.resource for r in t.reports if at == () or r.resource in (at or ())]
        for t in run.trials.values()
    }
    assert run.table.best is not None
    best = run.table.best.trial_id
    if run.plan.params["checkpoint_retention"] == "needed":
        over = [t.id for t in run.trials.values() if t.state.final and t.id != best]
        saved = {trial: levels[-2:] for trial, levels in saved.items() if trial not in over}
    due = {(trial, level) for trial, levels in saved.items() for level in levels}
    assert Counter((m["trial"], m["level"]) for m in manifests.values()) == Counter(due)
    for key, told in manifests.items():
        start = f"{prefix}/trials/{told['trial']:08d}/"
        assert key.startswith(start)
        assert key.endswith(f"/{told['level']:08d}.json")
    files = [file for told in manifests.values() for file in told["files"].values()]
    assert set(blobs) == {f"{prefix}/blobs/{file['sha256']}" for file in files}
    for key, data in blobs.items():
        called = key.rsplit("/", 1)[1]
        its = Digest(called)
        its.update(data)
        assert its.name() == called
    sizes = {file["sha256"]: file["size"] for file in files}
    assert sum(map(len, blobs.values())) == sum(sizes.values())


def assert_resumed_from_the_store(run: Run, wiped: int) -> None:
    assert run.finished
    assert wiped
    resumed = [trial for trial in run.trials.values() if trial.resumed]
    assert resumed
    assert all(trial.saved and not trial.repeated for trial in resumed)
    assert all(not trial.remarks for trial in resumed)


@pytest.mark.parametrize("retention", ["needed", "all"])
def test_height_with_cost_goes_on_from_s3_and_no_two_trials_meet(
    tmp_path: Path, store: str, client: Any, bucket: str, retention: str
) -> None:
    # Twelve trials: 1 and 10 are among them.
    plan = plan_of(
        "height_with_cost",
        "instant",
        scheduler="asha_promotion",
        num_trials=12,
        num_workers=2,
        checkpoint_store=store,
        checkpoint_retention=retention,
    )
    run = Run.open(plan, root=tmp_path / "s")
    seen = finish_wiping(run)
    assert_resumed_from_the_store(run, seen.times)
    assert_kept(run, objects(client, bucket))

    again = Run.open(plan, root=tmp_path / "s")
    finish_wiping(again)
    mine = {key for key in objects(client, bucket) if f"/{again.directory.name}/" in key}
    assert mine
    assert not any(f"/{run.directory.name}/" in key for key in mine)


@pytest.mark.slow
def test_lstm_wikitext2_goes_on_from_s3_bit_for_bit(
    tmp_path: Path, store: str, client: Any, bucket: str
) -> None:
    pytest.importorskip("torch")
    common: dict[str, Any] = {"num_workers": 2}
    kept = plan_of("lstm_wikitext2", VARIANT, checkpoint_store=store, **common)
    run = Run.open(kept, root=tmp_path / "s")
    seen = finish_wiping(run)
    assert_resumed_from_the_store(run, seen.times)
    assert_kept(run, objects(client, bucket))

    whole = Run.open(plan_of("lstm_wikitext2", VARIANT, scheduler="fifo", **common), root=tmp_path)
    finish_wiping(whole)
    for trial_id, trial in run.trials.items():
        expected = {r.resource: r.loss for r in whole.trials[trial_id].reports}
        assert all(report.loss == expected[report.resource] for report in trial.reports)
