from __future__ import annotations

import pytest

from pytest_synebench.experiment.resuming.evidence import Suspect
from pytest_synebench.experiment.resuming.words import what_it_is


@pytest.mark.parametrize(
    ("kind", "path", "words"),
    [
        ("optimizer", "best", "the optimiser's state"),
        ("schedule", "s", "the learning-rate schedule"),
        ("scaler", "amp", "the gradient scaler"),
        ("sampler", "s", "the sampler"),
        ("generator", "model.dropout.rng", "the generator that dropout draws from"),
        ("generator", "loader.rng", "the generator that orders the data"),
        ("generator", "rng", "of the script's own"),
        ("float", "state['best_val_loss']", "the best value so far"),
        ("int", "stopper.bad_epochs", "the early-stopping counter"),
        ("float", "scaler.scale", "the gradient scaler"),
        ("list", "ema_weights", "the moving average (EMA) of the weights"),
        ("float", "state['lr']", "the learning-rate schedule"),
        ("list", "optimizer.m", "the optimiser's state"),
        ("list", "perm", "the order of the data"),
        ("int", "global_step", "a counter"),
        ("list", "weights", "the model's weights"),
        ("int", "answer", "a value that training changes"),
    ],
)
def test_what_a_value_is(kind: str, path: str, words: str) -> None:
    assert words in what_it_is(Suspect(scope="", path=path, kind=kind, was="1", now="0"))
