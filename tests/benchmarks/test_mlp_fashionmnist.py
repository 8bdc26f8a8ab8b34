"""The shipped perceptron: its definition, its space, and who needs its cost model."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from toy_project import run_pytest

from pytest_synebench.cost_models import CostModel
from pytest_synebench.definition import Benchmark
from pytest_synebench.errors import BenchmarkError
from pytest_synebench.experiment.store.results import load_runs
from pytest_synebench.plugin.compat import walk_declarations
from pytest_synebench.space import loguniform, randint, uniform

pytest.importorskip("sklearn")
PACKAGE = "pytest_synebench.benchmarks.mlp_fashionmnist"
images = import_module(f"{PACKAGE}.images")
space = import_module(f"{PACKAGE}.space")
definition = import_module(f"{PACKAGE}.benchmark")
[declaration] = walk_declarations(definition)
VARIANTS = {variant.id: variant for variant in declaration.variants}
SCRIPT = Path(str(definition.__file__)).parent / "train.py"
THE_SPACE = {
    "n_units_1": randint(4, 1024),
    "n_units_2": randint(4, 1024),
    "batch_size": randint(8, 128),
    "dropout_1": uniform(0, 0.99),
    "dropout_2": uniform(0, 0.99),
    "learning_rate": loguniform(1e-6, 1),
    "weight_decay": loguniform(1e-8, 1),
}


def build(variant: str, **params: object) -> Benchmark:
    overrides = VARIANTS[variant].overrides
    made: Benchmark = declaration.function({**declaration.default_params, **overrides, **params})
    return made


@pytest.fixture(autouse=True)
def _no_package_of_debian(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(images, "DEBIAN", tmp_path / "nowhere")


def test_importing_definition_space_and_images_loads_no_torch() -> None:
    code = (
        f"import sys, {PACKAGE}.benchmark, {PACKAGE}.space, {PACKAGE}.images as i;"
        "i.describe(); sys.exit(bool({'torch', 'sklearn'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_one_variant_runs_by_default_and_the_rest_on_request() -> None:
    assert [v.id for v in declaration.variants if not v.on_request] == ["mlp"]
    assert [v.id for v in declaration.variants if v.on_request] == ["tiny", "full"]
    expected = {"scheduler": "asha_promotion", "num_trials": 9, "num_workers": 2}
    assert expected.items() <= declaration.default_params.items()


@pytest.mark.parametrize("variant", ["mlp", "tiny"])
def test_a_variant_builds_from_its_own_defaults(variant: str) -> None:
    benchmark = build(variant)

    assert benchmark.script == SCRIPT
    told = (benchmark.metric, benchmark.mode, benchmark.resource_attr, benchmark.elapsed_time_attr)
    assert told == ("accuracy", "max", "epoch", "elapsed_time")
    assert benchmark.dataset == "digits of scikit-learn (stand-in), sha256 87ff0c9e40dc"


def test_parameters_reach_the_script(idx_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(idx_files.parent)
    benchmark = build(
        "mlp", max_resource_level=2, report_current_best=True, dataset_path=idx_files.name
    )

    assert benchmark.max_resource == 2
    assert benchmark.config_space["epochs"] == 2
    assert benchmark.config_space["report_current_best"] is True
    assert benchmark.config_space["dataset_path"] == str(idx_files)


def test_full_is_the_original(idx_files: Path) -> None:
    full = build("full", dataset_path=str(idx_files))

    assert dict(full.space.domains) == dict(build("mlp").space.domains) == THE_SPACE
    assert {"epochs": 81, "train_examples": 0}.items() <= full.config_space.items()
    assert VARIANTS["full"].overrides["num_workers"] == 4


def test_smaller_layers_narrow_nothing_else() -> None:
    smaller = {"n_units_1": randint(4, 64), "n_units_2": randint(4, 64)}
    assert dict(build("tiny").space.domains) == {**THE_SPACE, **smaller}


def test_debians_package_is_taken_where_it_is_and_the_digits_where_they_are_asked_for(
    idx_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "DEBIAN", idx_files)

    for variant in ("mlp", "full"):
        assert build(variant).config_space["dataset_path"] == str(idx_files)
    assert build("mlp", dataset_name="digits").config_space["dataset_path"] == ""

    (idx_files / "train-labels-idx1-ubyte.gz").unlink()  # half a package is none
    assert build("mlp").config_space["dataset_path"] == ""


@pytest.mark.parametrize("variant", ["mlp", "full"])
def test_no_data_is_refused_with_the_ways_to_get_some(
    variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "has_digits", lambda: variant == "full")
    with pytest.raises(BenchmarkError, match=r"apt install .*pass --dataset_path DIR") as refused:
        build(variant)
    assert ("pytest-synebench[sklearn]" in str(refused.value)) == (variant == "mlp")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"dataset_name": "mnist"}, r"dataset_name is 'mnist'; it must be one of 'auto', 'fash"),
        ({"dataset_name": "digits", "dataset_path": "x"}, r"'digits' and dataset_path is 'x'; the"),
        ({"dataset_path": "/nowhere"}, r"dataset_path is '/nowhere', but there is no such folder"),
        ({"max_units": 4}, r"max_units is 4; it must be from 5 to 1024"),
        ({"max_units": 1025}, r"max_units is 1025; it must be from 5 to 1024"),
        ({"train_examples": 127}, r"train_examples is 127; it must be at least 128, or 0 for all"),
        ({"valid_examples": -1}, r"valid_examples is -1; it must be at least 10, or 0 for all"),
    ],
)
def test_what_cannot_be_trained_is_refused(params: dict[str, object], message: str) -> None:
    with pytest.raises(BenchmarkError, match=message):
        build("mlp", **params)


def test_a_damaged_file_is_refused_before_any_trial(idx_files: Path) -> None:
    path = idx_files / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BenchmarkError, match=r"cannot be unpacked .*it must be a whole gzip file"):
        build("mlp", dataset_path=str(idx_files))


@pytest.mark.parametrize(("asked", "used"), [(128, 128), (10_000, 1497), (0, 1497)])
def test_the_cost_is_that_of_the_examples_there_are(asked: int, used: int) -> None:
    model = build("mlp", train_examples=asked).cost_model
    assert isinstance(model, CostModel)

    # 64 pixels, layers of 10 and 20, 10 classes: 640 + 200 + 200 products, three times over.
    assert model.cost({"n_units_1": 10, "n_units_2": 20}, 2) == 3 * 1040 * used * 2


def test_the_searcher_and_the_scheduler_that_weigh_costs_run_on_it(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = run_pytest(
        tmp_path,
        "--synebench=mlp_fashionmnist",
        "--variant=tiny",
        "--dataset_name=digits",
        "--scheduler=hyperband_cost_promotion",
        "--searcher=bayesopt_cost",
        "--searcher_num_init_random=2",
        "--num_trials=4",
        "-q",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "data: digits of scikit-learn (stand-in), sha256 87ff0c9e40dc" in done.stdout
    [run] = load_runs(tmp_path / ".synebench")
    assert run.finished
    assert len(run.trials) == 4
    assert run.metadata["dataset"].startswith("digits of scikit-learn (stand-in)")


def test_dependencies_name_what_the_script_imports() -> None:
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    names = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module]
    names += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    known = {*sys.stdlib_module_names, "pytest_synebench", "images", "space"}
    listed = (SCRIPT.parent / "dependencies.txt").read_text(encoding="utf-8").split()

    assert {name.split(".")[0] for name in names} - known == {
        line.partition(">")[0] for line in listed
    }
