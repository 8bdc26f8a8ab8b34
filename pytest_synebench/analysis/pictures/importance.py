"""How much each hyperparameter matters: fANOVA where it is installed, else rank correlation.

Invariants (tests/analysis/pictures/test_importance.py):
- shares are from 0 to 1 and add up to 1, unless nothing matters at all;
- equal trials give equal shares;
- which method it was is said.

Source: Hutter, Hoos, Leyton-Brown, An Efficient Approach for Assessing Hyperparameter Importance,
ICML 2014, as optuna has it. Without optuna and scikit-learn: Spearman's rho squared; for choices,
the share of the variance of ranks that lies between them (eta squared).
"""

from __future__ import annotations

import importlib.util
import logging
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from pytest_synebench.analysis.pictures.single import axis, varied
from pytest_synebench.trial import Scalar

LEAST_TRIALS = 8  #: with fewer, chance decides
FANOVA, RANKS = "fANOVA", "rank correlation"


class Importance(NamedTuple):
    """The share of each hyperparameter, the largest first."""

    method: str
    shares: list[tuple[str, float]]


def importance(
    configs: Sequence[Mapping[str, Scalar]],
    losses: Sequence[float],
    *,
    logs: frozenset[str] = frozenset(),
    method: str = "",
) -> Importance | None:
    """Return how much each hyperparameter matters; None: too little is known to say.

    Args:
        configs: of trials that measured something.
        losses: of each.
        logs: hyperparameters that are drawn from by their logarithm.
        method: FANOVA or RANKS; "": the better one that is installed.
    """
    names = varied(configs)
    if len(configs) < LEAST_TRIALS or not names or len(set(losses)) < 2:
        return None
    places = {
        name: axis(name, [config[name] for config in configs], log=name in logs).places
        for name in names
    }
    ranks = rankdata(losses)
    method = method or (FANOVA if _installed() else RANKS)
    found = _fanova(places, ranks.tolist()) if method == FANOVA else {}
    if not found:
        choices = {name for name in names if _is_choice(configs, name)}
        method, found = RANKS, {n: _rank(p, ranks, choice=n in choices) for n, p in places.items()}
    total = math.fsum(found.values()) or 1.0
    shares = [(name, found[name] / total) for name in names]
    return Importance(method, sorted(shares, key=lambda one: -one[1]))


def _installed() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in ("optuna", "sklearn"))


def _is_choice(configs: Sequence[Mapping[str, Scalar]], name: str) -> bool:
    return any(isinstance(c[name], bool | str) or c[name] is None for c in configs)


def _rank(
    places: Sequence[float], ranks: np.ndarray[tuple[int], np.dtype[np.float64]], *, choice: bool
) -> float:
    if not choice:
        x = rankdata(places)
        rho = np.corrcoef(x, ranks)[0, 1]
        return 0.0 if math.isnan(rho) else float(rho) ** 2
    here = np.array(places)
    between = sum(
        (here == one).sum() * (ranks[here == one].mean() - ranks.mean()) ** 2
        for one in np.unique(here)
    )
    return float(between / ((ranks - ranks.mean()) ** 2).sum())


def _fanova(places: Mapping[str, Sequence[float]], losses: Sequence[float]) -> dict[str, float]:
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(logging.WARNING)
    try:
        study = optuna.create_study()
        unit = optuna.distributions.FloatDistribution(0.0, 1.0)
        for i, loss in enumerate(losses):
            study.add_trial(
                optuna.trial.create_trial(
                    params={name: place[i] for name, place in places.items()},
                    distributions=dict.fromkeys(places, unit),
                    value=loss,
                )
            )
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        found = evaluator.evaluate(study)
    except (RuntimeError, ValueError):  # it finds no variance
        return {}
    finally:
        optuna.logging.set_verbosity(level)
    return {name: max(0.0, float(share)) for name, share in found.items()}
