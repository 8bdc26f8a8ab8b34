"""The shipped benchmark that is a formula: its definition, its script, its runs."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module, util
from pathlib import Path
from typing import Any

import pytest
from toy_project import run_pytest

from pytest_synebench import load_runs
from pytest_synebench.definition import Benchmark
from pytest_synebench.plugin.compat import walk_declarations
from pytest_synebench.space import randint

PACKAGE = "pytest_synebench.benchmarks.height_with_cost"
space = import_module(f"{PACKAGE}.space")
definition = import_module(f"{PACKAGE}.benchmark")
[declaration] = walk_declarations(definition)
VARIANTS = {variant.id: variant for variant in declaration.variants}
SCRIPT = Path(str(definition.__file__)).parent / "train.py"
CONFIG: dict[str, Any] = {**space.CONSTANTS, "width": 7, "height": -33, "epochs": 6}


def build(variant: str, **params: object) -> Benchmark:
    overrides = VARIANTS[variant].overrides
    made: Benchmark = declaration.function({**declaration.default_params, **overrides, **params})
    return made


@pytest.fixture(scope="module")
def train() -> Any:
    """The script as a module, imported as python would: with its own folder on the path."""
    spec = util.spec_from_file_location("height_with_cost_train", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "space", space)
        patch.setitem(sys.modules, "formula", import_module(f"{PACKAGE}.formula"))
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(train: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    """Run the script's objective; returns its reports."""
    monkeypatch.delenv("SYNEBENCH_ATTEMPT", raising=False)

    def objective(**config: Any) -> list[dict[str, Any]]:
        reports: list[dict[str, Any]] = []
        monkeypatch.setattr(train, "Reporter", lambda: lambda **report: reports.append(report))
        train.objective({**CONFIG, **config})
        return reports

    return objective


def test_one_variant_runs_by_default_and_the_one_that_sleeps_on_request() -> None:
    assert [(v.id, v.on_request) for v in declaration.variants] == [
        ("instant", False),
        ("sleeping", True),
    ]


@pytest.mark.parametrize(("variant", "dont_sleep"), [("instant", True), ("sleeping", False)])
def test_a_variant_builds_from_its_own_defaults(variant: str, dont_sleep: bool) -> None:
    made = build(variant)

    assert made.script == SCRIPT
    assert (made.metric, made.mode, made.resource_attr) == ("mean_loss", "min", "epoch")
    assert (made.elapsed_time_attr, made.cost_attr) == ("elapsed_time", "cost")
    assert made.max_resource == 100
    assert made.config_space["dont_sleep"] is dont_sleep
    assert dict(made.space.domains) == {"width": randint(0, 20), "height": randint(-100, 100)}


def test_parameters_reach_the_script() -> None:
    made = build("instant", max_resource_level=5, dont_sleep=False)
    assert made.max_resource == 5
    assert made.config_space["dont_sleep"] is False


def test_the_arguments_are_the_keys_of_the_space(train: Any) -> None:
    made = build("sleeping")
    dests = {action.dest for action in train.parser()._actions} - {"help", "st_checkpoint_dir"}
    assert dests == set(made.config_space)

    config = made.space.merged({"width": 3, "height": -5})
    argv = [f"--{name}={value}" for name, value in config.items()]
    args, unknown = train.parser().parse_known_args([*argv, "--st_more", "1"])
    assert vars(args) == {**config, "st_checkpoint_dir": None}
    assert unknown == ["--st_more", "1"]


@pytest.mark.parametrize(
    ("width", "height", "epoch", "loss", "cost"),
    [
        (0, 0, 1, 10.0, 0.1),
        (0, 50, 100, 15.0, 0.1),
        (10, -100, 4, -8.0, 0.1 - 0.05 * math.sin(1000)),
        (20, 1, 2, 2.1, 0.1 + 0.05 * math.sin(20)),
        (2, 100, 95, 10.5, 0.1 + 0.05 * math.sin(200)),
    ],
)
def test_loss_and_cost_are_the_formula_s(
    train: Any, width: int, height: int, epoch: int, loss: float, cost: float
) -> None:
    assert train.mean_loss(width, height, epoch) == pytest.approx(loss, rel=1e-12)
    assert train.epoch_cost(width, height) == pytest.approx(cost, rel=1e-12)


def test_every_epoch_is_reported_with_what_it_has_cost_so_far(
    train: Any, run: Callable[..., list[dict[str, Any]]]
) -> None:
    reports = run()
    step = train.epoch_cost(7, -33)

    assert [r["epoch"] for r in reports] == [1, 2, 3, 4, 5, 6]
    assert [r["mean_loss"] for r in reports] == [train.mean_loss(7, -33, n) for n in range(1, 7)]
    for key in ("cost", "elapsed_time"):
        assert [r[key] for r in reports] == pytest.approx([step * n for n in range(1, 7)])


def test_it_sleeps_what_it_reports_or_not_at_all(
    train: Any, run: Callable[..., list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(train.time, "sleep", slept.append)

    assert run()
    assert slept == []
    reports = run(dont_sleep=False)
    assert len(slept) == 6
    assert sum(slept) == reports[-1]["elapsed_time"]


def test_a_resumed_run_equals_an_unbroken_one_bit_for_bit(
    run: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    whole = run(epochs=9)
    paused = {"st_checkpoint_dir": str(tmp_path)}
    parts = [run(**paused, epochs=epochs) for epochs in (1, 4, 9)]

    assert [len(part) for part in parts] == [1, 3, 5]
    # What has elapsed is counted from the start of the process: the controller adds up.
    kept = ("epoch", "mean_loss", "cost")
    assert [[r[key] for key in kept] for part in parts for r in part] == [
        [r[key] for key in kept] for r in whole
    ]
    assert parts[1][0]["elapsed_time"] == whole[0]["elapsed_time"]


def test_the_script_loads_the_standard_library_and_the_job_side_only() -> None:
    code = (
        "import json, pkgutil, runpy, sys; before = set(sys.modules); sys.argv = sys.argv[1:];"
        "sys.path.insert(0, sys.argv[0].rpartition('/')[0]);"
        "runpy.run_path(sys.argv[0], run_name='__main__');"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    given = ("--width=10", "--height=-50", "--epochs=1")
    command = [sys.executable, "-c", code, str(SCRIPT), *given]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told, loaded = done.stdout.splitlines()

    assert told.startswith("report: epoch=1 mean_loss=0.0 ")
    names = set(json.loads(loaded))
    assert {name.split(".")[0] for name in names} <= {
        *sys.stdlib_module_names,
        "pytest_synebench",
        "formula",
        "space",
    }
    assert not names & {"dataclasses", "typing"}  # each costs milliseconds


@pytest.fixture
def without_extras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project on a machine without the extras."""
    hiding = tmp_path / "hiding"
    hiding.mkdir()
    for name in ("torch", "safetensors", "pandas"):
        (hiding / f"{name}.py").write_text(f"raise ModuleNotFoundError('No module {name}')\n")
    monkeypatch.setenv("PYTHONPATH", str(hiding))
    project = tmp_path / "project"
    project.mkdir()
    (project / "pytest.ini").write_text("[pytest]\n")
    return project


def test_the_default_command_needs_no_extra_and_takes_one_trial_to_the_end(
    without_extras: Path,
) -> None:
    done = run_pytest(without_extras, "--synebench", "height_with_cost", "-v")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "COMPLETED@100" in done.stdout
    (found,) = load_runs(without_extras / ".synebench")
    assert found.finished
    assert len(found.trials) == 9
    assert {r.resource for t in found.trials for r in t.reports} == set(range(1, 101))


def test_pause_and_resume_change_no_report(without_extras: Path) -> None:
    options = ("--synebench", "height_with_cost", "--num_trials", "5", "--max_resource_level", "9")
    both = ("--grace_period", "1", "--scheduler", "asha_promotion,fifo")
    done = run_pytest(without_extras, *options, *both)
    assert done.returncode == 0, done.stdout + done.stderr

    paused, whole = sorted(load_runs(without_extras / ".synebench"), key=lambda one: one.directory)
    assert any(trial.resumed for trial in paused.trials)
    assert not any(trial.resumed for trial in whole.trials)
    curves = [
        {(t.id, r.resource): (r.loss, r.metrics["cost"]) for t in one.trials for r in t.reports}
        for one in (paused, whole)
    ]
    assert len(whole.trials) == 5
    assert curves[0].items() <= curves[1].items()
    for one in (paused, whole):
        for trial in one.trials:
            for report in trial.reports:
                spent = report.metrics["elapsed_time"], report.metrics["cost"]
                assert spent[0] == pytest.approx(spent[1])


def test_a_simulated_trial_reports_what_the_script_reports(
    run: Callable[..., list[dict[str, Any]]],
) -> None:
    blackbox = build("instant", max_resource_level=6, grace_period=1).blackbox
    assert blackbox is not None
    assert not callable(blackbox)
    points = list(blackbox.curve({**CONFIG, "width": 7, "height": -33}, 0))
    assert [{"epoch": p.level, **p.metrics, "elapsed_time": p.elapsed_s} for p in points] == run()


def test_ten_thousand_trials_of_a_formula_are_one_command(tmp_path: Path) -> None:
    options = ("--synebench", "height_with_cost", "--backend", "simulated")
    # The space holds 4,221 configs: every one of them is tried.
    many = ("--num_trials", "10000", "--scheduler", "asha_stopping", "--num_workers", "50")
    short = ("--max_resource_level", "3", "--grace_period", "1")
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        done = run_pytest(tmp_path / name, *options, *many, *short)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "3 passed" in done.stdout  # launch, all trials, sound
    one, other = (next((tmp_path / n).rglob("journal.jsonl")) for n in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()
    assert "the space holds no more configs" in done.stdout
