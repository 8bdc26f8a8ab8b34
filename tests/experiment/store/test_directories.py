from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_plan import toy_plan

from pytest_synebench.clock import VirtualClock
from pytest_synebench.errors import RunError, UsageError
from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.store import directories
from pytest_synebench.space import loguniform, uniform

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def clock(seconds: float = 0.0) -> VirtualClock:
    return VirtualClock(utc=NOON + timedelta(seconds=seconds))


def begun(root: Path, plan: Plan, seconds: float = 0.0) -> Path:
    """Make a run's directory as it is when the journal has been opened."""
    directory = directories.create(root, plan, clock(seconds))
    (directory / "journal.jsonl").touch()
    return directory


# -- making and finding --------------------------------------------------------------------------


def test_a_run_has_a_directory_that_says_what_it_is(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path, run_id=3)
    directory = directories.create(tmp_path / "root", plan, clock())
    assert directory.parent == tmp_path / "root" / "runs" / "toy" / "small-fifo-random"
    assert directory.name.startswith("r3-20240501T120000.000000Z-")
    assert [entry.name for entry in directory.iterdir()] == ["trials"]


def test_runs_that_begin_at_once_never_share_a_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = toy_plan(tmp_path)
    assert directories.create(tmp_path, plan, clock()) != directories.create(
        tmp_path, plan, clock()
    )
    monkeypatch.setattr(secrets, "token_hex", lambda _: "abcdef")
    monkeypatch.setattr(directories, "_stamp", lambda *_: "20240501T120000.000000Z")
    directories.create(tmp_path, plan, clock())
    with pytest.raises(RunError, match="cannot be made: File exists"):
        directories.create(tmp_path, plan, clock())


def test_runs_are_kept_out_of_git_and_what_the_user_wrote_there_stays(tmp_path: Path) -> None:
    directories.create(tmp_path, toy_plan(tmp_path), clock())
    ignore = tmp_path / "runs" / ".gitignore"
    assert ignore.read_text() == "*\n"
    ignore.write_text("!kept\n")
    directories.create(tmp_path, toy_plan(tmp_path), clock())
    assert ignore.read_text() == "!kept\n"


def test_a_place_that_cannot_be_written_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot be made: Not a directory; .*--synebench-storage"):
        directories.create(tmp_path / "file", toy_plan(tmp_path), clock())


def test_a_disk_that_is_all_but_full_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=3 * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(RunError, match=r"has 3.0 MB free; a run needs at least 20 MB .*free some"):
        directories.create(tmp_path, toy_plan(tmp_path), clock())


def test_the_newest_run_of_this_setup_and_run_id_is_found(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path, run_id=1)
    assert directories.newest(tmp_path, plan) is None
    first = begun(tmp_path, plan)
    assert directories.newest(tmp_path, plan) == first
    last = begun(tmp_path, plan, 0.000001)
    begun(tmp_path, toy_plan(tmp_path, run_id=0), 5)
    begun(tmp_path, toy_plan(tmp_path, run_id=11), 6)
    begun(tmp_path, toy_plan(tmp_path, scheduler="asha_stopping", run_id=1), 7)
    begun(tmp_path, toy_plan(tmp_path, variant="large", run_id=1), 8)
    directories.create(tmp_path, plan, clock(9))  # ended before it had a journal
    assert directories.newest(tmp_path, plan) == last


@given(moments=st.lists(st.integers(0, 10**10), min_size=1, max_size=6))
def test_names_sort_as_the_runs_began_however_the_wall_clock_jumps(
    tmp_path_factory: pytest.TempPathFactory, moments: list[int]
) -> None:
    root = tmp_path_factory.mktemp("root")
    plan = toy_plan(root)
    (root / "runs" / "toy" / plan.setup / "r0-notes-mine").mkdir(parents=True)
    runs = [begun(root, plan, us / 1e6) for us in moments]
    assert directories.newest(root, plan) == runs[-1]
    assert sorted(runs) == runs


# -- going on ------------------------------------------------------------------------------------


def header_of(plan: Plan) -> dict[str, Any]:
    """Return a run's header as it is read back from its journal."""
    header: dict[str, Any] = json.loads(json.dumps({"schema": 1, **directories.identity(plan)}))
    return header


def test_the_same_plan_goes_on(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path, rung_levels=(1, 3), points_to_evaluate=[{"lr": 1.0}])
    directories.check_same(header_of(plan), plan, tmp_path)


OTHER: dict[str, Any] = {
    "num_trials": 20,
    "rung_levels": [1, 2],
    "points_to_evaluate": [],
    "checkpointing": "every",
    "max_resource_level": 9,
    "backend": "sagemaker",
    "launch": "cold",
    "mo_metric": "size",
    "checkpoint_store": "s3://bucket",
    "results": "s3://bucket",
}


def another(name: str) -> Any:
    """Return a value that is not the default."""
    row = GLOBALS[name]
    if name in OTHER:
        return OTHER[name]
    if row.choices:
        return next(choice for choice in row.choices if choice != row.default)
    return (row.default or 0) + 1


@pytest.mark.parametrize("name", [n for n in GLOBALS if n not in {"scheduler", "searcher"}])
def test_limits_may_change_and_nothing_else_may(tmp_path: Path, name: str) -> None:
    params: dict[str, Any] = {name: another(name)}
    header, changed = header_of(toy_plan(tmp_path)), toy_plan(tmp_path, **params)
    if name in directories.CHANGEABLE:
        directories.check_same(header, changed, tmp_path)
    else:
        with pytest.raises(UsageError, match=rf"\n  params\.{name}: .* then, .* now\n"):
            directories.check_same(header, changed, tmp_path)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (
            {"fields": {"config_space": {"lr": loguniform(1, 60), "epochs": 9}}},
            r"  space\.lr\.upper: 50.* then, 60.* now",
        ),
        (
            {"fields": {"config_space": {"lr": uniform(1, 50), "epochs": 9}}},
            "  space.lr.domain: 'loguniform' then, 'uniform' now",
        ),
        (
            {"fields": {"config_space": {"lr": loguniform(1, 50), "epochs": 9, "clip": 1}}},
            "  space.clip: 'absent' then, 1 now",
        ),
        ({"scheduler": "asha_stopping"}, "  params.scheduler: 'fifo' then, 'asha_stopping' now"),
        ({"random_seed_offset": 5}, "  seed: 0 then, 5 now"),
        ({"fields": {"mode": "max"}}, "  mode: 'min' then, 'max' now"),
        ({"fields": {"dataset": "ptb"}}, "  dataset: '' then, 'ptb' now"),
    ],
)
def test_another_experiment_is_refused_with_each_difference(
    tmp_path: Path, change: dict[str, Any], difference: str
) -> None:
    header, changed = header_of(toy_plan(tmp_path)), toy_plan(tmp_path, **change)
    with pytest.raises(UsageError, match=difference) as refused:
        directories.check_same(header, changed, tmp_path)
    text = str(refused.value)
    assert text.startswith(f"{tmp_path} cannot be gone on with, it is another experiment by now:\n")
    assert text.endswith("\nSet these back, or start a new run without --synebench-resume")


@pytest.mark.parametrize("name", ["num_workers", "max_retries", "threads_per_trial"])
def test_what_a_deterministic_run_depends_on_may_change_in_no_such_run(
    tmp_path: Path, name: str
) -> None:
    def plan(value: int, *, deterministic: bool) -> Plan:
        params: dict[str, Any] = {name: value}
        return toy_plan(tmp_path, deterministic=deterministic, **params)

    directories.check_same(
        header_of(plan(2, deterministic=False)), plan(3, deterministic=False), tmp_path
    )
    two = plan(2, deterministic=True)
    directories.check_same(header_of(two), two, tmp_path)
    with pytest.raises(UsageError, match=rf"  params\.{name}: 2 then, 3 now"):
        directories.check_same(header_of(two), plan(3, deterministic=True), tmp_path)


def test_what_differs_is_told_and_nothing_that_follows_from_it(tmp_path: Path) -> None:
    plain = toy_plan(tmp_path, num_workers=3)
    virtual = toy_plan(tmp_path, num_workers=3, deterministic=True)
    for then, now in ((plain, virtual), (virtual, plain)):
        with pytest.raises(UsageError) as refused:
            directories.check_same(header_of(then), now, tmp_path)
        assert str(refused.value).count("\n") == 2, str(refused.value)


def test_a_parameter_that_is_younger_than_the_run_had_its_default(tmp_path: Path) -> None:
    plan, other = toy_plan(tmp_path), toy_plan(tmp_path, deterministic=True)
    header = header_of(plan)
    del header["params"]["deterministic"]
    directories.check_same(header, plan, tmp_path)
    with pytest.raises(UsageError, match=r"  params\.deterministic: False then, True now"):
        directories.check_same(header, other, tmp_path)


def test_another_script_is_another_experiment(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path)
    header = header_of(plan)
    plan.definition.script.write_text("print('another script')\n")
    with pytest.raises(
        UsageError, match=r"  script_sha256: '[0-9a-f]{64}' then, '[0-9a-f]{64}' now"
    ):
        directories.check_same(header, plan, tmp_path)


def test_a_script_with_another_module_beside_it_is_another_experiment(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path)
    script = plan.definition.script
    script.write_text("import model, extra\n")
    (script.parent / "model.py").write_text("layers = 1\n")
    header = header_of(plan)
    older = {name: value for name, value in header.items() if name != "beside_sha256"}
    directories.check_same(header, plan, tmp_path)

    (script.parent / "model.py").write_text("layers = 2\n")
    (script.parent / "extra.py").write_text("")
    with pytest.raises(UsageError) as refused:
        directories.check_same(header, plan, tmp_path)
    first, second = str(refused.value).splitlines()[1:-1]
    assert first.startswith("  beside_sha256.extra.py: 'absent' then, '")
    assert re.fullmatch(r"  beside_sha256\.model\.py: '\w{64}' then, '\w{64}' now", second)
    directories.check_same(older, plan, tmp_path)


def test_a_parameter_that_is_gone_is_a_difference(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path)
    header = header_of(toy_plan(tmp_path, dropout=0.5))
    with pytest.raises(UsageError, match=r"  params\.dropout: 0\.5 then, 'absent' now"):
        directories.check_same(header, plan, tmp_path)


@pytest.mark.parametrize(("trials", "refused"), [(9, True), (10, False), (11, False)])
def test_a_resumed_run_may_have_more_trials_not_fewer(
    tmp_path: Path, trials: int, *, refused: bool
) -> None:
    plan = toy_plan(tmp_path, num_trials=10)
    header = header_of(plan)
    directories.write_metadata(tmp_path, directories.describe(plan, clock()))
    changed = toy_plan(tmp_path, num_trials=trials)
    if refused:
        with pytest.raises(
            UsageError, match=r"been run with num_trials 10, now it is 9; .*not fewer"
        ):
            directories.check_same(header, changed, tmp_path)
    else:
        directories.check_same(header, changed, tmp_path)


# -- metadata ------------------------------------------------------------------------------------


def test_metadata_says_all_that_a_result_may_depend_on(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path, random_seed_offset=5, fields={"dataset": "toy sha256:ab"})
    directories.write_metadata(tmp_path, directories.describe(plan, clock()))
    data = directories.read_metadata(tmp_path)
    assert set(data["params"]) == set(GLOBALS)
    assert data["params"]["random_seed_offset"] == data["seed"] == 5
    assert data["dataset"] == "toy sha256:ab"
    assert data["created_utc"] == "2024-05-01T12:00:00+00:00"
    assert {"python", "pytest-synebench", "pytest", "numpy", "scipy"} <= set(data["versions"])
    assert data["machine"]["cpus"] == os.cpu_count()
    assert isinstance(data["machine"]["model"], str)


def test_the_outcome_is_added_to_the_metadata(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path)
    directories.write_metadata(tmp_path, directories.describe(plan, clock()))
    before = directories.read_metadata(tmp_path)
    more = toy_plan(tmp_path, num_trials=12)
    counts = {"trials": {"failed": 1}, "units": {"run": 5, "saved": 2, "repeated": 0}}
    directories.note_outcome(tmp_path, more, reason="why", finished=True, counts=counts)
    after = directories.read_metadata(tmp_path)
    assert after.pop("outcome") == {"finished": True, "reason": "why", **counts}
    assert after.pop("params") == before.pop("params") | {"num_trials": 12}
    assert after == before


def test_a_run_without_metadata_has_none(tmp_path: Path) -> None:
    assert directories.read_metadata(tmp_path) == {}


def test_a_run_that_goes_on_no_longer_says_how_it_ended(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path)
    directories.note_outcome(tmp_path, plan, reason="why", finished=True, counts={})
    directories.note_params(tmp_path, plan)
    assert "outcome" not in directories.read_metadata(tmp_path)
