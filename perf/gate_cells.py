"""What the gate's error rates are simulated over: noise, effects, numbers of tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
KS = (1, 8, 16, 24)


def _failing(chance: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return chance.normal(size=shape) + 6.0 * (chance.random(shape) < 0.1)


def _with_zeros(chance: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.abs(chance.normal(size=shape)) * (chance.random(shape) < 0.5)


FAMILIES: dict[str, Draw] = {
    "normal": lambda chance, shape: chance.normal(size=shape),
    "lognormal": lambda chance, shape: chance.lognormal(0.0, 0.8, shape),
    "Student t, 3 df": lambda chance, shape: chance.standard_t(3, shape),
    "10 % far off": _failing,
    "half zeros": _with_zeros,
}


def upper_limit(alarmed: int, suites: int) -> float:
    """Return the 95 % upper limit of a rate (Clopper and Pearson, one-sided)."""
    from scipy.stats import beta

    return 1.0 if alarmed == suites else float(beta.ppf(0.95, alarmed + 1, suites - alarmed))


class Cell(NamedTuple):
    """One figure of the table."""

    family: str
    tests: int
    effect: str
    suites: int
    strict: int
    sensitive: int
    runs: float


EFFECTS: dict[str, tuple[str, float]] = {
    "none": ("one", 0.0),
    "one test, 1 sd": ("one", 1.0),
    "one test, 1.5 sd": ("one", 1.5),
    "one test, 2 sd": ("one", 2.0),
    "all tests, 0.5 sd": ("all", 0.5),
}
