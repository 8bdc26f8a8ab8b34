"""Small trainings whose past counts: what ``pbt_rules.py`` trains for real.

A perceptron with dropout, by gradient descent with momentum and weight decay; in NumPy, since its
steps are so small that a framework would take ten times as long to begin them. Learning rate,
momentum, weight decay and dropout are tuned while it trains. A copy goes on from its parent's
weights, momentum and random state, by hyperparameters of its own.
"""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pytest_synebench.space import ConfigSpace, loguniform, uniform

SPACE = ConfigSpace(
    {
        "learning_rate": loguniform(1e-3, 1.0),
        "momentum": uniform(0.0, 0.98),
        "weight_decay": loguniform(1e-6, 1e-1),
        "dropout": uniform(0.0, 0.7),
    }
)
_BATCH, _HIDDEN, _TRAIN = 100, 32, 400
_REAL = np.float32
Array: TypeAlias = NDArray[Any]
Split: TypeAlias = tuple[Array, Array]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One data set, cut in three by a run's id, and what is lost on it."""

    name: str
    what: str
    data: Callable[[int], tuple[Split, Split, Split]]  #: for training, validation and test
    outputs: int
    #: of outputs and targets: the mean loss, and its gradient by the outputs
    loss: Callable[[Array, Array], tuple[float, Array]]


class Training:
    """A perceptron in training, one epoch at a time.

    Args:
        task: what it learns.
        run_id: whose cut of the data it takes.
        seed: of weights, batches and dropout, where nothing is loaded.
    """

    def __init__(self, task: Task, run_id: int, seed: int) -> None:
        self._loss = task.loss
        self._train, self._valid, self._test = task.data(run_id)
        self._rng = np.random.default_rng(seed)
        sizes = (self._train[0].shape[1], _HIDDEN, _HIDDEN, task.outputs)
        self._weights: list[Array] = []
        for before, after in itertools.pairwise(sizes):
            self._weights += [
                (self._rng.standard_normal((before, after), _REAL) * (2 / before) ** 0.5).astype(
                    _REAL
                ),
                np.zeros(after, _REAL),
            ]
        self._speeds = [np.zeros_like(weight) for weight in self._weights]
        self._config: Mapping[str, Any] = {}

    def checkpoint(self) -> Any:
        """Return all that it has learnt."""
        return copy.deepcopy((self._weights, self._speeds, self._rng))

    def load(self, kept: Any) -> None:
        """Go on from a checkpoint."""
        self._weights, self._speeds, self._rng = copy.deepcopy(kept)

    def set(self, config: Mapping[str, Any]) -> None:
        """Train by these hyperparameters from now on."""
        self._config = config

    def epoch(self) -> tuple[float, float]:
        """Train for one epoch; return the losses in validation and test."""
        inputs, targets = self._train
        order = self._rng.permutation(len(targets))
        with np.errstate(all="ignore"):  # one that diverges has a loss that is no number
            for first in range(0, len(order), _BATCH):
                batch = order[first : first + _BATCH]
                self._step(inputs[batch], targets[batch])
            return self._lost(self._valid), self._lost(self._test)

    def _step(self, inputs: Array, targets: Array) -> None:
        w1, b1, w2, b2, w3, b3 = self._weights
        keep = 1 - self._config["dropout"]
        masks = (self._rng.random((2, len(inputs), _HIDDEN), _REAL) < keep) / _REAL(keep)
        one = np.maximum(inputs @ w1 + b1, 0) * masks[0]
        two = np.maximum(one @ w2 + b2, 0) * masks[1]
        _, slope = self._loss(two @ w3 + b3, targets)
        back2 = (slope @ w3.T) * masks[1] * (two > 0)
        back1 = (back2 @ w2.T) * masks[0] * (one > 0)
        slopes = (
            inputs.T @ back1, back1.sum(0), one.T @ back2, back2.sum(0), two.T @ slope, slope.sum(0)
        )  # fmt: skip
        rate, decay = (_REAL(self._config[name]) for name in ("learning_rate", "weight_decay"))
        for weight, speed, gradient in zip(self._weights, self._speeds, slopes, strict=True):
            speed *= _REAL(self._config["momentum"])
            speed += gradient + decay * weight
            weight -= rate * speed

    def _lost(self, split: Split) -> float:
        w1, b1, w2, b2, w3, b3 = self._weights
        two = np.maximum(np.maximum(split[0] @ w1 + b1, 0) @ w2 + b2, 0)
        return float(self._loss(two @ w3 + b3, split[1])[0])


def _cross_entropy(outputs: Array, labels: Array) -> tuple[float, Array]:
    shares = np.exp(outputs - outputs.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    rows = np.arange(len(labels))
    loss = float(-np.log(shares[rows, labels] + 1e-30).mean())
    shares[rows, labels] -= 1
    return loss, shares / len(labels)


def _squared_error(outputs: Array, targets: Array) -> tuple[float, Array]:
    apart = outputs[:, 0] - targets
    return float((apart**2).mean()), 2 * apart[:, None] / len(targets)


def _cut(inputs: Array, targets: Array, run_id: int) -> tuple[Split, Split, Split]:
    order = np.random.default_rng(run_id).permutation(len(targets))
    half = (len(order) - _TRAIN) // 2
    parts = (order[:_TRAIN], order[_TRAIN : _TRAIN + half], order[_TRAIN + half :])
    one, two, three = ((inputs[part], targets[part]) for part in parts)
    return one, two, three


@functools.lru_cache(maxsize=2)
def _digits(run_id: int) -> tuple[Split, Split, Split]:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return _cut((pixels / 16 - 0.3).astype(_REAL), labels, run_id)


@functools.lru_cache(maxsize=2)
def _friedman(run_id: int) -> tuple[Split, Split, Split]:
    from sklearn.datasets import make_friedman1

    inputs, targets = make_friedman1(1400, noise=1.0, random_state=run_id)
    scaled = (targets - targets.mean()) / targets.std()
    return _cut((inputs - 0.5).astype(_REAL), scaled.astype(_REAL), run_id)


TASKS = (
    Task(
        name="digits",
        what="scikit-learn's digits, 400 to train on, cross-entropy",
        data=_digits,
        outputs=10,
        loss=_cross_entropy,
    ),
    Task(
        name="friedman",
        what="Friedman's first regression with noise, 400 to train on, squared error",
        data=_friedman,
        outputs=1,
        loss=_squared_error,
    ),
)
