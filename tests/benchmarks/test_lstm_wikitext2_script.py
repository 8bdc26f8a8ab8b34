"""The training script of lstm_wikitext2: what it reports, how it resumes; with real torch."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from importlib import import_module, util
from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.definition import Benchmark
from pytest_synebench.plugin.compat import walk_declarations

PACKAGE = "pytest_synebench.benchmarks.lstm_wikitext2"
corpus = import_module(f"{PACKAGE}.corpus")
space = import_module(f"{PACKAGE}.space")
definition = import_module(f"{PACKAGE}.benchmark")
[declaration] = walk_declarations(definition)
VARIANTS = {variant.id: variant for variant in declaration.variants}
SCRIPT = Path(str(definition.__file__)).parent / "train.py"

# Epochs of 0.05 s; the learning rate is so high that some epochs do not improve.
TINY: dict[str, Any] = {**space.CONSTANTS, **VARIANTS["tiny"].overrides}
for key in ("max_resource_level", "reduction_factor", "num_trials"):
    del TINY[key]
ROUGH = {"lr": 17.0, "dropout": 0.9, "batch_size": 16, "clip": 1.5, "lr_factor": 3.0}
GENTLE = {"lr": 8.0, "dropout": 0.1, "batch_size": 16, "clip": 0.25, "lr_factor": 3.0}


def build(variant: str, **params: object) -> Benchmark:
    overrides = VARIANTS[variant].overrides
    made: Benchmark = declaration.function({**declaration.default_params, **overrides, **params})
    return made


@pytest.fixture(scope="module")
def train() -> Any:
    """The script as a module, imported as python would: with its own folder on the path."""
    spec = util.spec_from_file_location("lstm_wikitext2_train", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPT.parent))
        patch.setitem(sys.modules, "corpus", corpus)
        patch.setitem(sys.modules, "space", space)
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(train: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, float]]]:
    """Run the script's objective from a fixed seed; returns its reports."""
    import torch

    monkeypatch.delenv("SYNEBENCH_ATTEMPT", raising=False)

    def objective(**config: Any) -> list[dict[str, float]]:
        reports: list[dict[str, float]] = []
        monkeypatch.setattr(train, "Reporter", lambda: lambda **report: reports.append(report))
        torch.manual_seed(3)
        train.objective({**TINY, **config})
        return reports

    return objective


def shown(text: str) -> list[dict[str, float]]:
    """Return what the script prints of each epoch: number, learning rate, loss."""
    words = [line.split() for line in text.splitlines() if line.startswith("epoch ")]
    return [{w[i]: float(w[i + 1]) for i in range(0, len(w), 2)} for w in words]


@pytest.mark.parametrize("variant", ["lstm", "transformer", "tiny"])
def test_the_arguments_are_the_keys_of_the_space(train: Any, variant: str) -> None:
    benchmark = build(variant, dataset_path="", report_current_best=True)
    dests = {action.dest for action in train.parser()._actions} - {"help", "st_checkpoint_dir"}
    assert dests == set(benchmark.config_space)

    config = benchmark.space.merged(benchmark.space.midpoint())
    argv = [text for name, value in config.items() for text in (f"--{name}", str(value))]
    args, unknown = train.parser().parse_known_args([*argv, "--st_more", "1"])
    assert vars(args) == {**config, "st_checkpoint_dir": None}
    assert unknown == ["--st_more", "1"]


def test_a_missing_hyperparameter_ends_the_script(
    train: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        train.parser().parse_known_args(["--lr", "10"])
    assert "--dropout" in capsys.readouterr().err


def test_the_objective_is_the_negated_perplexity(
    run: Callable[..., list[dict[str, float]]], capsys: pytest.CaptureFixture[str]
) -> None:
    reports = run(**ROUGH, epochs=3)

    losses = [epoch["val_loss"] for epoch in shown(capsys.readouterr().out)]
    assert [r["epoch"] for r in reports] == [1, 2, 3]
    assert [r["objective"] for r in reports] == [-math.exp(loss) for loss in losses]
    assert [r["val_loss"] for r in reports] == losses
    times = [r["elapsed_time"] for r in reports]
    assert times == sorted(times)


@pytest.mark.parametrize("model", ["lstm", "transformer"])
def test_a_model_learns_more_than_word_frequencies(
    run: Callable[..., list[dict[str, float]]], model: str
) -> None:
    lr = GENTLE["lr"] if model == "lstm" else 0.5
    first, *_, last = [r["objective"] for r in run(**{**GENTLE, "lr": lr}, model=model, epochs=4)]

    sizes = {name: TINY[name] for name in ("vocab_size", "train_tokens", "valid_tokens")}
    read = corpus.read_corpus(**sizes)
    counts = Counter(read.train)
    chances = [(counts[i] + 1) / (len(read.train) + len(read.words)) for i in read.valid]
    assert first < -math.exp(-sum(map(math.log, chances)) / len(chances)) < last


def test_a_learning_rate_is_annealed_after_each_epoch_without_improvement(train: Any) -> None:
    state = {"lr": 8.0, "best_val_loss": None}
    seen = []
    for loss in (3.0, 3.5, 3.0, 2.5, math.nan):
        train.note_epoch(state, loss, 2.0)
        seen.append((state["lr"], state["best_val_loss"]))
    assert seen == [(8.0, 3.0), (4.0, 3.0), (2.0, 3.0), (2.0, 2.5), (1.0, 2.5)]


def test_learning_rate_and_best_loss_survive_a_pause(
    run: Callable[..., list[dict[str, float]]],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    whole = run(**ROUGH, report_current_best=True, epochs=6)
    expected = shown(capsys.readouterr().out)
    paused = {**ROUGH, "report_current_best": True, "st_checkpoint_dir": str(tmp_path)}
    parts = run(**paused, epochs=3) + run(**paused, epochs=6)

    assert shown(capsys.readouterr().out) == expected
    objectives = [report["objective"] for report in whole]
    assert [report["objective"] for report in parts] == objectives
    # The case is worth testing: annealed before the pause, and a best that is not the last.
    assert expected[3]["lr"] < ROUGH["lr"]
    losses = [epoch["val_loss"] for epoch in expected]
    assert objectives == [-math.exp(min(losses[: i + 1])) for i in range(6)]
    assert losses[3] > min(losses[:3])


def test_an_update_is_no_longer_than_learning_rate_times_clip(train: Any) -> None:
    import torch

    config = {**TINY, **GENTLE, "clip": 0.01}
    model = train.LSTMModel(20, config)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    text = torch.arange(20).view(-1, 1)
    train.train(model, text, 2.0, config)  # one stretch: one update

    moved = [a.detach() - b for a, b in zip(model.parameters(), before, strict=True)]
    length = torch.cat([m.flatten() for m in moved]).norm().item()
    assert length == pytest.approx(2.0 * 0.01, rel=1e-3)


def test_the_training_loss_is_the_mean_per_token_over_stretches_of_any_length(train: Any) -> None:
    import torch

    # Without a step the model stays as it is: the last of three stretches is a short one.
    config = {**TINY, **GENTLE, "bptt": 8, "dropout": 0.0}
    model, text = train.LSTMModel(20, config), torch.arange(20).view(-1, 1)
    assert train.train(model, text, 0.0, config) == train.evaluate(model, text, 8)


@pytest.mark.parametrize("kind", ["LSTMModel", "TransformerModel"])
def test_no_model_sees_the_word_it_has_to_guess(train: Any, kind: str) -> None:
    import torch

    model = getattr(train, kind)(20, {**TINY, **GENTLE}).eval()
    text, other = torch.arange(10).view(-1, 1), torch.arange(10).view(-1, 1)
    other[6] = 19

    logits, others = (model(tokens, None)[0].detach() for tokens in (text, other))
    assert torch.equal(logits[:6], others[:6])
    assert not torch.equal(logits[6], others[6])


@pytest.mark.parametrize(("raw", "kept"), [(0.0, 1e-10), (3.5, 3.5), (99.0, 10.0)])
def test_a_loss_is_kept_within_bounds(
    train: Any, monkeypatch: pytest.MonkeyPatch, raw: float, kept: float
) -> None:
    import torch

    monkeypatch.setattr(train, "losses", lambda *_: [(torch.tensor(raw), 4)])
    assert train.evaluate(torch.nn.Identity(), torch.zeros(5, 1), 35) == kept


def test_a_diverged_loss_stays_nan(train: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(train, "losses", lambda *_: [(torch.tensor(math.nan), 4)])
    assert math.isnan(train.evaluate(torch.nn.Identity(), torch.zeros(5, 1), 35))


def test_the_real_files_can_be_trained_on(
    run: Callable[..., list[dict[str, float]]], wikitext: Path
) -> None:
    everything = {"vocab_size": 0, "train_tokens": 0, "valid_tokens": 0}
    (report,) = run(**{**GENTLE, **everything}, dataset_path=str(wikitext), epochs=1)
    assert -20 < report["objective"] < 0  # 15 words


def by_hand(*more: object, **config: object) -> list[dict[str, float]]:
    pairs = [text for name, value in config.items() for text in (f"--{name}", str(value))]
    command = [sys.executable, str(SCRIPT), *pairs, *map(str, more)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return shown(ended.stdout)


@pytest.mark.parametrize("model", ["lstm", "transformer"])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(model: str, tmp_path: Path) -> None:
    lr = 17.0 if model == "lstm" else 1.0
    config = {**TINY, **ROUGH, "lr": lr, "dropout": 0.4, "model": model, "epochs": 3}
    checkpoints = ("--st_checkpoint_dir", tmp_path)

    whole = by_hand(**config)
    first = by_hand(*checkpoints, **{**config, "epochs": 1})
    rest = by_hand(*checkpoints, **config)

    assert [epoch["epoch"] for epoch in rest] == [2, 3]
    assert first + rest == whole
