from __future__ import annotations

import importlib.util
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictured_runs import ALIKE, Trials, trials_of

from pytest_synebench.analysis.pictures.importance import (
    FANOVA,
    LEAST_TRIALS,
    RANKS,
    importance,
)
from pytest_synebench.analysis.pictures.single import outcomes
from pytest_synebench.trial import Scalar

CONFIGS: list[dict[str, Scalar]] = [
    {"x": i / 40, "kind": "ab"[i % 2], "noise": (i * 17) % 41} for i in range(40)
]


def installed() -> list[str]:
    both = all(importlib.util.find_spec(name) for name in ("optuna", "sklearn"))
    return [RANKS, FANOVA] if both else [RANKS]


@pytest.mark.parametrize("method", installed())
@pytest.mark.parametrize("name", ["x", "kind"])
def test_what_the_loss_depends_on_matters_most(method: str, name: str) -> None:
    losses = [float(str(c["x"])) if name == "x" else float(c["kind"] == "a") for c in CONFIGS]
    found = importance(CONFIGS, losses, method=method)
    assert found is not None
    assert (found.method, found.shares[0][0]) == (method, name)
    assert found.shares[0][1] > 0.6
    assert found == importance(CONFIGS, losses, method=method)


@settings(max_examples=60)
@given(trials=ALIKE)
def test_shares_add_up_to_one_unless_nothing_matters(trials: Trials) -> None:
    told = outcomes(trials_of(trials))
    found = importance([t.config for t, _ in told], [loss for _, loss in told], method=RANKS)
    if found is not None:
        shares = [share for _, share in found.shares]
        assert all(0 <= share <= 1 for share in shares)
        assert math.fsum(shares) == pytest.approx(1) or not any(shares)
        assert shares == sorted(shares, reverse=True)


@given(number=st.integers(0, LEAST_TRIALS - 1))
def test_of_few_trials_nothing_is_said(number: int) -> None:
    losses = [float(i) for i in range(number)]
    assert importance(CONFIGS[:number], losses, method=RANKS) is None


def test_where_all_losses_are_equal_nothing_is_said() -> None:
    assert importance(CONFIGS, [1.0] * len(CONFIGS), method=RANKS) is None
