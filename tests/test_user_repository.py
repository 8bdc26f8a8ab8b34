"""What a user's repository looks like: small files in an empty folder, and three commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_project import run_pytest

from pytest_synebench import load_runs

VARIANT = """\
from pytest_synebench import extend, variant

lstm_wikitext2 = extend(
    "lstm_wikitext2", variant("ours", model="lstm", emsize=8, nhid=8, vocab_size=100), only=True
)
"""

SCRIPT = """\
import argparse
import json
import os

from pytest_synebench import training as t


def load(path):
    with open(os.path.join(path, "x.json")) as file:
        state.update(json.load(file))
    return state["epoch"]


def save(path, epoch):
    with open(os.path.join(path, "x.json"), "w") as file:
        json.dump({**state, "epoch": epoch}, file)


parser = argparse.ArgumentParser()
parser.add_argument("--step", type=float, required=True)
parser.add_argument("--epochs", type=int, required=True)
t.add_checkpointing_to_argparse(parser)
config = vars(parser.parse_args())
state = {"x": 1.0}
report = t.Reporter()
for epoch in range(t.resume_from_checkpointed_model(config, load) + 1, config["epochs"] + 1):
    state["x"] -= config["step"] * 2 * state["x"]
    t.checkpoint_model_at_rung_level(config, save, epoch)
    report(epoch=epoch, loss=state["x"] ** 2)
"""

BENCHMARK = """\
from pathlib import Path
from pytest_synebench import Benchmark, benchmark
from pytest_synebench.space import loguniform

@benchmark(default_params={"max_resource_level": 9, "scheduler": "asha_promotion"})
def descent(params):
    return Benchmark(
        script=Path(__file__).parent / "descent.py",
        config_space={"step": loguniform(1e-3, 1.0), "epochs": params["max_resource_level"]},
        metric="loss",
        resource_attr="epoch",
        max_resource_attr="epochs",
    )
"""

TEST = """\
def test_the_space_is_what_we_think(descent):
    assert descent.space.domains["step"].lower == 1e-3


def test_the_shipped_benchmark_has_our_variant(lstm_wikitext2):
    assert lstm_wikitext2.config_space["emsize"] == 8
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text(VARIANT + "\n\n" + BENCHMARK)
    (tmp_path / "descent.py").write_text(SCRIPT)
    (tmp_path / "test_ours.py").write_text(TEST)
    return tmp_path


def test_the_effort_is_small() -> None:
    assert len(VARIANT.splitlines()) == 5
    assert len(SCRIPT.splitlines()) <= 31
    assert len(BENCHMARK.splitlines()) <= 20


def test_a_script_becomes_a_benchmark(repository: Path) -> None:
    done = run_pytest(repository, "--synebench", "descent", "-v")
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = load_runs(repository / ".synebench")
    assert run.finished
    assert len(run.trials) == 10
    assert any(trial.resumed for trial in run.trials)


def test_a_variant_of_a_shipped_benchmark_runs(repository: Path) -> None:
    small = ["--num_trials=2", "--max_resource_level=1", "--train_tokens=2000"]
    done = run_pytest(repository, "--synebench", "lstm_wikitext2", "-v", *small)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lstm_wikitext2::ours-asha_promotion-random-r0::trial[1]" in done.stdout


def test_an_ordinary_test_takes_the_fixtures(repository: Path) -> None:
    done = run_pytest(repository, "test_ours.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    assert not (repository / ".synebench").exists()
