"""Cost-aware search: the config with the most expected improvement per cost.

A Gaussian process (Matern 5/2, one length scale, the likeliest of a few) models the losses at the
level that ``evidence`` says. Of ``CANDIDATES`` configs drawn from the space, the one is suggested
with the highest log expected improvement minus log cost, the cost being that of a trial to this
level. Pending trials enter with the mean loss (constant liar). NumPy and SciPy only.

Invariants (tests/searchers/model_based/test_cost_aware.py holds each one):
- of configs that promise the same, the cheaper is suggested;
- at equal costs it finds the bottom of a bowl;
- a grown searcher and a rebuilt one suggest the same;
- a cost that is no positive finite number is refused, with the config.

Source: Snoek, Larochelle and Adams, NeurIPS 2012, arXiv:1206.2944, section 3.2 (expected
improvement per second).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from pytest_synebench.cost_models import CostModel
from pytest_synebench.errors import UsageError
from pytest_synebench.searchers.evidence import Evidence
from pytest_synebench.searchers.learning import LearningSearcher, with_model
from pytest_synebench.searchers.problem import Problem
from pytest_synebench.space import keyed_random
from pytest_synebench.trial import Config, Scalar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pytest_synebench.space import Domain

    Floats = NDArray[np.float64]

CANDIDATES = 500
_PLACED = 1_000  #: values of a finite domain whose places are kept
_LENGTHS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)  #: of a scale of 1
_NOISE = 1e-3  #: variance, of losses whose variance is 1


class CostAwareProposer:
    """Proposes what promises most for its cost; see the module.

    Args:
        problem: what the searcher is for, with its cost_model.

    Raises:
        UsageError: the cost model has no method ``cost(config, resource)``.
    """

    def __init__(self, problem: Problem) -> None:
        if not isinstance(problem.cost_model, CostModel):
            raise UsageError(
                f"cost_model is {problem.cost_model!r}, which has no method cost(config, resource)"
                "; use one of pytest_synebench.cost_models, or give it that method"
            )
        self._cost_model: CostModel = problem.cost_model
        self._seed = problem.seed
        self._space = problem.space
        domains = sorted(problem.space.domains.items())
        self._placing = [(name, _placing(domain)) for name, domain in domains]

    def propose(self, evidence: Evidence, number: int) -> Config:
        """Return the candidate with the most log expected improvement minus log cost."""
        import numpy as np

        rng = keyed_random(self._seed, "bayesopt_cost", number)
        candidates = [self._space.sample(rng) for _ in range(CANDIDATES)]
        costs = np.array([self._cost(config, evidence.level) for config in candidates])
        losses = np.array(evidence.losses)
        scaled = (losses - losses.mean()) / (losses.std() or 1.0)
        known = self._places([*evidence.configs, *evidence.pending])
        told = np.concatenate([scaled, np.zeros(len(evidence.pending))])
        mean, deviation = _posterior(known, told, self._places(candidates))
        score = _log_improvement(mean, deviation, float(scaled.min())) - np.log(costs)
        return candidates[int(np.argmax(score))]

    def _cost(self, config: Config, resource: int) -> float:
        cost = float(self._cost_model.cost(self._space.merged(config), resource))
        if not (math.isfinite(cost) and cost > 0):
            raise UsageError(
                f"cost model: config {dict(config)!r} costs {cost!r} up to level {resource}; a "
                "cost must be a finite number above 0"
            )
        return cost

    def _places(self, configs: Sequence[Config]) -> Floats:
        import numpy as np

        return np.array(
            [
                [place for name, placed in self._placing for place in placed(config[name])]
                for config in configs
            ]
        )


def _placing(domain: Domain) -> Callable[[Scalar], tuple[float, ...]]:
    """Return what places a value of a domain; of a finite one each value is placed once."""
    values = domain.to_json().get("categories")
    if domain.to_json()["domain"] != "choice" or values is None:

        def placed(value: Scalar) -> tuple[float, ...]:
            return (domain.to_unit(value),)
    else:
        keys = [domain.match_string(value) for value in values]

        def placed(value: Scalar) -> tuple[float, ...]:
            # Categories without order: each at the same distance from all others.
            own = domain.match_string(value)
            return tuple(0.5**0.5 * (key == own) for key in keys)

    return placed if domain.size is None else lru_cache(maxsize=_PLACED, typed=True)(placed)


def _kernel(one: Floats, other: Floats, length: float) -> Floats:
    import numpy as np
    from scipy.spatial.distance import cdist

    scaled = math.sqrt(5.0) * cdist(one, other) / length
    kernel: Floats = (1.0 + scaled + scaled**2 / 3.0) * np.exp(-scaled)
    return kernel


def _posterior(known: Floats, told: Floats, asked: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation at the places asked for, at the likeliest length scale."""
    import numpy as np
    from scipy.linalg import cho_solve, cholesky, solve_triangular

    best: tuple[float, float, Floats] | None = None
    for length in _LENGTHS:
        root = cholesky(_kernel(known, known, length) + _NOISE * np.eye(len(known)), lower=True)
        fit = float(told @ cho_solve((root, True), told)) / 2 + float(np.log(np.diag(root)).sum())
        if best is None or fit < best[0]:
            best = (fit, length, root)
    assert best is not None  # noqa: S101 - there are length scales
    _, length, root = best
    cross = _kernel(asked, known, length)
    mean = cross @ cho_solve((root, True), told)
    spread = solve_triangular(root, cross.T, lower=True)
    return mean, np.sqrt(np.maximum(1.0 - (spread**2).sum(axis=0), 1e-12))


def _log_improvement(mean: Floats, deviation: Floats, best: float) -> Floats:
    """Return the logarithm of the expected improvement, also where that underflows."""
    import numpy as np
    from scipy.special import log_ndtr, ndtr

    z = (best - mean) / deviation
    log_density = -(z**2) / 2 - math.log(2 * math.pi) / 2
    near = np.maximum(np.exp(log_density) + z * ndtr(z), 1e-300)
    # Far below, phi(z) + z Phi(z) is about phi(z) / z**2; Phi keeps the two branches apart.
    far = log_density - 2 * np.log(np.maximum(np.abs(z), 1.0))
    value: Floats = np.log(deviation) + np.where(log_ndtr(z) > -12, np.log(near), far)
    return value


def bayesopt_cost(problem: Problem) -> LearningSearcher:
    """Return a searcher by expected improvement per cost.

    Raises:
        UsageError: the cost model is none, or an argument breaks its rule.
    """
    return with_model(problem, CostAwareProposer(problem))
