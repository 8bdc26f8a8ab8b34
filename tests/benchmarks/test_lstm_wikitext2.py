"""The shipped language-model benchmark: its definition and its space."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from pytest_synebench.definition import Benchmark
from pytest_synebench.errors import BenchmarkError
from pytest_synebench.plugin.compat import walk_declarations
from pytest_synebench.space import loguniform, randint, uniform

PACKAGE = "pytest_synebench.benchmarks.lstm_wikitext2"
space = import_module(f"{PACKAGE}.space")
definition = import_module(f"{PACKAGE}.benchmark")
[declaration] = walk_declarations(definition)
VARIANTS = {variant.id: variant for variant in declaration.variants}
SCRIPT = Path(str(definition.__file__)).parent / "train.py"


def build(variant: str, **params: object) -> Benchmark:
    overrides = VARIANTS[variant].overrides
    made: Benchmark = declaration.function({**declaration.default_params, **overrides, **params})
    return made


def test_importing_definition_space_and_corpus_loads_no_torch() -> None:
    code = (
        f"import sys, {PACKAGE}.benchmark, {PACKAGE}.space, {PACKAGE}.corpus as c;"
        "c.describe(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_both_models_run_by_default_and_the_rest_on_request() -> None:
    assert [v.id for v in declaration.variants if not v.on_request] == ["lstm", "transformer"]
    assert [v.id for v in declaration.variants if v.on_request] == ["tiny", "full"]
    expected = {"scheduler": "asha_promotion", "num_trials": 9, "num_workers": 2}
    assert expected.items() <= declaration.default_params.items()


@pytest.mark.parametrize("variant", ["lstm", "transformer", "tiny"])
def test_a_variant_builds_from_its_own_defaults(variant: str) -> None:
    benchmark = build(variant)

    assert benchmark.script == SCRIPT
    assert (benchmark.metric, benchmark.mode, benchmark.resource_attr) == (
        "objective",
        "max",
        "epoch",
    )
    assert "pydoc_data.topics of Python" in benchmark.dataset
    assert "(embedded stand-in), sha256 " in benchmark.dataset


def test_parameters_reach_the_script(wikitext: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(wikitext.parent)
    benchmark = build(
        "lstm", max_resource_level=2, report_current_best=True, dataset_path=wikitext.name
    )

    assert benchmark.max_resource == 2
    assert benchmark.config_space["epochs"] == 2
    assert benchmark.config_space["report_current_best"] is True
    assert benchmark.config_space["dataset_path"] == str(wikitext)


def test_full_is_the_original(wikitext: Path) -> None:
    full = build("full", dataset_path=str(wikitext))

    assert dict(full.space.domains) == {
        "lr": loguniform(1, 50),
        "dropout": uniform(0, 0.99),
        "batch_size": randint(8, 256),
        "clip": uniform(0.1, 2),
        "lr_factor": loguniform(1, 100),
    }
    sizes = {"emsize": 200, "nhid": 200, "nlayers": 2, "bptt": 35, "epochs": 81, "model": "lstm"}
    assert sizes.items() <= full.config_space.items()
    assert all(full.config_space[n] == 0 for n in ("vocab_size", "train_tokens", "valid_tokens"))


def test_full_is_refused_without_the_real_data() -> None:
    with pytest.raises(BenchmarkError, match=r"dataset_path is ''.*pass --dataset_path DIR"):
        build("full")


def test_the_space_is_narrowed_only_where_needed() -> None:
    original = dict(space.ORIGINAL)
    lstm, transformer = (dict(build(v).space.domains) for v in ("lstm", "transformer"))

    assert lstm == {**original, "batch_size": randint(8, 32)}
    assert transformer == {**lstm, "lr": loguniform(0.05, 5)}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"model": "rnn"}, r"model is 'rnn'; it must be 'lstm' or 'transformer'"),
        ({"nhid": 32}, r"nhid is 32 and emsize is 64; the LSTM ties its weights.*set both"),
        ({"model": "transformer", "nhead": 3}, r"emsize is 64 and nhead is 3;.*nhead divides"),
        ({"nlayers": 0}, r"nlayers is 0; it must be at least 1"),
        ({"train_tokens": 10}, r"train_tokens is 10; it must be at least 500, or 0 for all"),
        ({"dataset_path": "/nowhere"}, r"dataset_path is '/nowhere', but there is no such folder"),
    ],
)
def test_what_cannot_be_trained_is_refused(params: dict[str, object], message: str) -> None:
    with pytest.raises(BenchmarkError, match=message):
        build("lstm", **params)


def test_dependencies_name_what_the_script_imports() -> None:
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    names = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module]
    names += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    known = {*sys.stdlib_module_names, "pytest_synebench", "corpus", "space"}
    listed = (SCRIPT.parent / "dependencies.txt").read_text(encoding="utf-8").split()

    assert {name.split(".")[0] for name in names} - known == {
        line.partition(">")[0] for line in listed
    }
