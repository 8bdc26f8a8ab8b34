"""Train a perceptron on small images and report every epoch: the script behind mlp_fashionmnist.

Runs by hand as well, with what it is given as arguments and nothing else::

    python train.py --n_units_1 128 --n_units_2 128 --batch_size 64 --dropout_1 0.2 \
        --dropout_2 0.2 --learning_rate 1e-3 --weight_decay 1e-6 --epochs 2

Two hidden layers, each with dropout and ReLU; Adam. The metric is ``accuracy`` on the images for
validation, from 0 to 1, higher is better.

Invariants (tests/benchmarks/test_mlp_fashionmnist_script.py holds each one):
- a resumed run equals an uninterrupted one bit for bit (on the CPU, at one number of threads), the
  order of the images and dropout included;
- optimiser and best accuracy are part of the checkpoint;
- learning rate and weight decay are the config's, also where the checkpoint is another trial's;
- the arguments are the keys of the space, of ``CONSTANTS``, and the checkpoint helper's.

Source: the perceptron on Fashion-MNIST of Syne Tune, as the original benchmark trains it.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import Any

try:
    import torch
except ModuleNotFoundError:
    raise SystemExit(
        "mlp_fashionmnist needs torch, which is not installed: "
        "pip install 'pytest-synebench[torch]'"
    ) from None
from images import CLASSES, read_images  # type: ignore[import-not-found]  # stands beside this file
from space import CONSTANTS, ORIGINAL  # type: ignore[import-not-found]  # stands beside this file
from torch import Tensor, nn
from torch.nn import functional

from pytest_synebench.training import (
    Reporter,
    add_checkpointing_to_argparse,
    add_to_argparse,
    checkpoint_model_at_rung_level,
    parse_bool,
    pytorch_load_save_functions,
    resume_from_checkpointed_model,
)

EVAL_BATCH_SIZE = 1000
MEAN, DEVIATION = 0.1307, 0.3081  # those of MNIST, which the original takes for Fashion-MNIST
Data = tuple[Tensor, Tensor]


def load(config: dict[str, Any], device: torch.device) -> tuple[Data, Data]:
    """Return pixels and labels for training and for validation."""
    sizes = (config["train_examples"], config["valid_examples"])
    parts = []
    for part, size in zip(read_images(config["dataset_path"]), sizes, strict=True):
        pixels, labels = (torch.from_numpy(array[: size or None]) for array in part)
        parts.append((((pixels - MEAN) / DEVIATION).to(device), labels.to(device)))
    return parts[0], parts[1]


def perceptron(inputs: int, config: dict[str, Any]) -> nn.Sequential:
    """Return the model of the original."""
    first, second = config["n_units_1"], config["n_units_2"]
    return nn.Sequential(
        nn.Linear(inputs, first),
        nn.Dropout(config["dropout_1"]),
        nn.ReLU(),
        nn.Linear(first, second),
        nn.Dropout(config["dropout_2"]),
        nn.ReLU(),
        nn.Linear(second, CLASSES),
    )


def train(model: nn.Module, optimizer: torch.optim.Optimizer, data: Data, batch_size: int) -> None:
    """Train for one epoch, in an order drawn for it; what does not fill a batch is left out."""
    model.train()
    pixels, labels = data
    order = torch.randperm(len(labels)).to(labels.device)
    for start in range(0, len(order) - batch_size + 1, batch_size):
        batch = order[start : start + batch_size]
        optimizer.zero_grad()
        loss: Any = functional.cross_entropy(model(pixels[batch]), labels[batch])
        loss.backward()
        optimizer.step()


@torch.no_grad()
def evaluate(model: nn.Module, data: Data) -> float:
    """Return the share of images that are told right."""
    model.eval()
    pixels, labels = data
    right = 0
    for start in range(0, len(labels), EVAL_BATCH_SIZE):
        batch = slice(start, start + EVAL_BATCH_SIZE)
        right += int((model(pixels[batch]).argmax(1) == labels[batch]).sum())
    return right / len(labels)


def objective(config: dict[str, Any]) -> None:
    """Train as the config says, from the checkpoint if there is one."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train_data, valid_data = load(config, device)
    model = perceptron(train_data[0].shape[1], config).to(device)
    optimizer = torch.optim.Adam(
        model.parameters(), lr=config["learning_rate"], weight_decay=config["weight_decay"]
    )

    # The best accuracy is part of what a checkpoint holds; in a dict, which loading can change.
    state = {"best": 0.0}
    load_model_fn, save_model_fn = pytorch_load_save_functions(
        {"model": model, "optimizer": optimizer}, state
    )
    resume_from = resume_from_checkpointed_model(config, load_model_fn)
    # A copy of another trial has its optimiser's state, and numbers of its own.
    for group in optimizer.param_groups:
        group.update(lr=config["learning_rate"], weight_decay=config["weight_decay"])

    report = Reporter()
    start = time.perf_counter()
    for epoch in range(resume_from + 1, config["epochs"] + 1):
        train(model, optimizer, train_data, config["batch_size"])
        accuracy = evaluate(model, valid_data)
        state["best"] = max(state["best"], accuracy)
        print(f"epoch {epoch} accuracy {accuracy!r} best {state['best']!r}", flush=True)

        checkpoint_model_at_rung_level(config, save_model_fn, epoch)
        shown = state["best"] if config["report_current_best"] else accuracy
        report(epoch=epoch, accuracy=shown, elapsed_time=time.perf_counter() - start)


def parser() -> argparse.ArgumentParser:
    """Return the parser: one argument per hyperparameter and constant."""
    arguments = argparse.ArgumentParser(description="Train a perceptron on Fashion-MNIST.")
    add_to_argparse(arguments, ORIGINAL)
    for name, default in CONSTANTS.items():
        kind = parse_bool if isinstance(default, bool) else type(default)
        arguments.add_argument(f"--{name}", type=kind, default=default)
    add_checkpointing_to_argparse(arguments)
    return arguments


if __name__ == "__main__":
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)  # trials run side by side: two threads each would only wait
    if "SYNEBENCH_ATTEMPT" not in os.environ:
        torch.manual_seed(0)  # by hand; a trial comes with a seed of its own
    args, _ = parser().parse_known_args()
    objective(vars(args))
