"""The training script of mlp_fashionmnist: what it reports, how it resumes; with real torch."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module, util
from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.plugin.compat import walk_declarations

pytest.importorskip("sklearn")
PACKAGE = "pytest_synebench.benchmarks.mlp_fashionmnist"
images = import_module(f"{PACKAGE}.images")
space = import_module(f"{PACKAGE}.space")
definition = import_module(f"{PACKAGE}.benchmark")
[declaration] = walk_declarations(definition)
SCRIPT = Path(str(definition.__file__)).parent / "train.py"

TINY: dict[str, Any] = {**space.CONSTANTS, "train_examples": 600, "valid_examples": 200}
GOOD = {
    "n_units_1": 32,
    "n_units_2": 16,
    "batch_size": 16,
    "dropout_1": 0.3,
    "dropout_2": 0.1,
    "learning_rate": 3e-3,
    "weight_decay": 1e-6,
}


@pytest.fixture(scope="module")
def train() -> Any:
    """The script as a module, imported as python would: with its own folder on the path."""
    spec = util.spec_from_file_location("mlp_fashionmnist_train", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPT.parent))
        patch.setitem(sys.modules, "images", images)
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
        train.objective({**TINY, **GOOD, **config})
        return reports

    return objective


def shown(text: str) -> list[dict[str, float]]:
    """Return what the script prints of each epoch: number, accuracy, best."""
    words = [line.split() for line in text.splitlines() if line.startswith("epoch ")]
    return [{w[i]: float(w[i + 1]) for i in range(0, len(w), 2)} for w in words]


def test_the_arguments_are_the_keys_of_the_space(train: Any) -> None:
    benchmark = declaration.function({**declaration.default_params, "dataset_name": "digits"})
    dests = {action.dest for action in train.parser()._actions} - {"help", "st_checkpoint_dir"}
    assert dests == set(benchmark.config_space)

    config = benchmark.space.merged(benchmark.space.midpoint())
    argv = [text for name, value in config.items() for text in (f"--{name}", str(value))]
    args, unknown = train.parser().parse_known_args([*argv, "--st_more", "1"])
    assert vars(args) == {**config, "st_checkpoint_dir": None}
    assert unknown == ["--st_more", "1"]


def test_the_default_config_is_the_originals(train: Any) -> None:
    benchmark = declaration.function({**declaration.default_params, "dataset_name": "digits"})
    midpoint = benchmark.space.midpoint()
    assert midpoint == pytest.approx(
        {
            "n_units_1": 514,
            "n_units_2": 514,
            "batch_size": 68,
            "dropout_1": 0.495,
            "dropout_2": 0.495,
            "learning_rate": 1e-3,
            "weight_decay": 1e-4,
        }
    )


def test_it_learns_and_reports_every_epoch(
    run: Callable[..., list[dict[str, float]]], capsys: pytest.CaptureFixture[str]
) -> None:
    reports = run(epochs=4)

    printed = shown(capsys.readouterr().out)
    assert [r["epoch"] for r in reports] == [1, 2, 3, 4]
    assert [r["accuracy"] for r in reports] == [epoch["accuracy"] for epoch in printed]
    assert reports[-1]["accuracy"] > 0.7  # of ten classes
    times = [r["elapsed_time"] for r in reports]
    assert times == sorted(times)


def test_it_trains_on_idx_files_too(
    run: Callable[..., list[dict[str, float]]], idx_files: Path
) -> None:
    (report,) = run(epochs=1, dataset_path=str(idx_files), train_examples=0, valid_examples=0)
    assert report["accuracy"] > 0.15  # its classes differ in brightness alone


def test_the_accuracy_is_the_share_of_right_answers(train: Any) -> None:
    import torch

    data = (torch.eye(10)[torch.arange(2500) % 10], torch.arange(2500) % 10)
    data[1][:5] = 9  # rows 0..4 say 0..4
    assert train.evaluate(torch.nn.Dropout(0.9), data) == 2495 / 2500  # which drops nothing here


def test_what_fills_no_batch_is_left_out_and_the_order_is_drawn(train: Any) -> None:
    import torch

    seen: list[list[int]] = []

    class Noting(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 2)

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            seen.append(pixels.flatten().int().tolist())
            answer: torch.Tensor = self.layer(pixels)
            return answer

    model = Noting()
    data = (torch.arange(10.0).view(10, 1), torch.zeros(10, dtype=torch.int64))
    torch.manual_seed(0)
    for _ in range(2):
        train.train(model, torch.optim.Adam(model.parameters()), data, 4)
    assert [len(batch) for batch in seen] == [4, 4, 4, 4]
    assert len(set(seen[0] + seen[1])) == len(set(seen[2] + seen[3])) == 8
    assert seen[:2] != seen[2:]


def test_the_best_accuracy_survives_a_pause(
    run: Callable[..., list[dict[str, float]]], tmp_path: Path
) -> None:
    rough = {"learning_rate": 0.2, "report_current_best": True}
    whole = run(**rough, epochs=5)
    paused = {**rough, "st_checkpoint_dir": str(tmp_path)}
    parts = run(**paused, epochs=2) + run(**paused, epochs=5)

    best = [report["accuracy"] for report in whole]
    assert [report["accuracy"] for report in parts] == best == sorted(best)


def test_a_copy_trains_with_numbers_of_its_own(
    run: Callable[..., list[dict[str, float]]],
    train: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[float, float]] = []

    def note(model: Any, optimizer: Any, *rest: Any) -> None:
        del model, rest
        seen.extend((group["lr"], group["weight_decay"]) for group in optimizer.param_groups)

    run(epochs=1, st_checkpoint_dir=str(tmp_path))  # the parent
    monkeypatch.setattr(train, "train", note)
    run(epochs=2, st_checkpoint_dir=str(tmp_path), learning_rate=0.25, weight_decay=0.5)
    assert seen == [(0.25, 0.5)]


def equal(one: Any, other: Any) -> bool:
    """Whether two states are the same, tensor by tensor, bit for bit."""
    import torch

    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return all(map(equal, one, other)) and len(one) == len(other)
    return bool(one == other)


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    run: Callable[..., list[dict[str, float]]], tmp_path: Path
) -> None:
    import torch

    whole = run(epochs=3, st_checkpoint_dir=str(tmp_path / "whole"))
    parts = [
        report
        for epochs in (1, 2, 3)
        for report in run(epochs=epochs, st_checkpoint_dir=str(tmp_path / "parts"))
    ]
    told = [[(r["epoch"], r["accuracy"]) for r in reports] for reports in (whole, parts)]
    assert told[0] == told[1]
    # Accuracies are coarse: the random state, the weights and the optimiser say more.
    for name in ("00000003/random_state.json", "00000003/checkpoint.json"):
        one, other = (json.loads((tmp_path / s / name).read_bytes()) for s in ("whole", "parts"))
        assert one.pop("random", None) == other.pop("random", None)
        assert one == other
    states = [
        torch.load(tmp_path / s / "00000003/checkpoint.pt", weights_only=True)
        for s in ("whole", "parts")
    ]
    assert len(states[0]["optimizer"]["state"]) == 6
    assert equal(*states)
