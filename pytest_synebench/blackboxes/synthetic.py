"""Synthetic families of curves: the optimum is known, and how much early levels tell is chosen.

Over the unit cube, a config's final loss U is the share of the cube that is nearer to the optimum
(largest coordinate distance on the torus), so it is uniform on [0, 1] and 0 at the optimum. At
level r the loss is that of a normal score rho_r * a + sqrt(1 - rho_r**2) * b, where a is U's own
score, b one that is drawn per config, and rho_r rises from the asked correlation to 1 at the last
level, plus a term that falls with the level. So curves cross exactly as often as the correlation
says.

Invariants (tests/blackboxes/test_synthetic.py holds each one):
- the loss of ``optimum`` at the last level is 0, and no other config's is lower;
- the rank correlation of losses at the first and the last level is the one asked for;
- the share of configs that diverge (NaN from some level on) is the one asked for;
- equal arguments, configs and seeds give equal curves.

Source: the relation of Pearson's and Spearman's correlation of a bivariate normal, Kruskal,
"Ordinal measures of association", JASA 53, 1958: rho = 2 sin(pi rho_s / 6).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from pytest_synebench.blackboxes.protocol import Mode, Point
from pytest_synebench.blackboxes.rows import Rows
from pytest_synebench.blackboxes.table import Table
from pytest_synebench.errors import UsageError
from pytest_synebench.space import ConfigSpace, Domain, keyed_random, uniform
from pytest_synebench.trial import Config, Scalar

_NORMAL = NormalDist()
_EDGE = 1e-12  # of a probability: where its score is cut off


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthetic:
    """A family of curves; see the module.

    Raises:
        UsageError: a field breaks its rule.
    """

    dimensions: int = 2  #: hyperparameters x0, x1, …, each in [0, 1]
    last_level: int = 27
    rank_correlation: float = 0.8  #: Spearman's, of losses at the first and last level; 0 to 1
    noise: float = 0.0  #: standard deviation of what is added to each loss, by seed and level
    diverging: float = 0.0  #: share of configs whose loss is NaN from some level on
    level_cost_s: float = 1.0  #: of the cheapest config; the dearest costs three times as much
    seeds: int = 1
    key: int = 0  #: which family: where its optimum lies, and all chance

    def __post_init__(self) -> None:
        for name, lower, upper in (
            ("dimensions", 1, math.inf),
            ("last_level", 1, math.inf),
            ("seeds", 1, math.inf),
            ("rank_correlation", 0, 1),
            ("diverging", 0, 1),
            ("noise", 0, math.inf),
            ("level_cost_s", 0, math.inf),
        ):
            value = getattr(self, name)
            if not lower <= value <= upper:
                raise UsageError(f"{name} is {value!r}; it must be from {lower} to {upper:g}")

    @property
    def metrics(self) -> dict[str, Mode]:
        """One metric: ``loss``, to be minimised."""
        return {"loss": "min"}

    @property
    def config_space(self) -> dict[str, Domain | Scalar]:
        """The hyperparameters, for ``Benchmark(config_space=...)``."""
        return {f"x{i}": uniform(0, 1) for i in range(self.dimensions)}

    @property
    def optimum(self) -> dict[str, float]:
        """The config whose final loss is 0."""
        rng = keyed_random(self.key, "optimum")
        return {f"x{i}": rng.random() for i in range(self.dimensions)}

    def final_loss(self, config: Config) -> float:
        """Return the loss at the last level, without noise."""
        apart = 0.0
        for name, best in self.optimum.items():
            distance = abs(float(config[name] or 0.0) - best)
            apart = max(apart, 2 * min(distance, 1 - distance))
        return float(apart**self.dimensions)

    def curve(self, config: Config, seed: int) -> Iterator[Point]:
        """Return the points of a config."""
        mine = tuple(float(config[f"x{i}"] or 0.0) for i in range(self.dimensions))
        own = keyed_random(self.key, "config", *mine)
        final = self.final_loss(config)
        score, other = _score(final), _score(own.random())
        dies_at = own.random() / self.diverging if self.diverging else math.inf
        step_s = self.level_cost_s * (1 + 2 * own.random())
        drawn = keyed_random(self.key, "noise", seed, *mine)
        for level in range(1, self.last_level + 1):
            loss = self._loss(level, final, score, other)
            loss += self.noise * drawn.gauss(0, 1) if self.noise else 0.0
            # Those below 1 die, spread evenly over the levels.
            dead = dies_at < 1 and level > dies_at * self.last_level
            yield Point(level, level * step_s, {"loss": math.nan if dead else loss})

    def _loss(self, level: int, final: float, score: float, other: float) -> float:
        if level == self.last_level:
            return final
        way = (level - 1) / (self.last_level - 1)
        first = 2 * math.sin(math.pi * self.rank_correlation / 6)
        rho = first + (1 - first) * way
        mixed = rho * score + math.sqrt(max(0.0, 1 - rho * rho)) * other
        return _NORMAL.cdf(mixed) + (1 - way)

    def space(self, asked: ConfigSpace) -> ConfigSpace:
        """Return the space asked for."""
        return asked

    def remark(self, metric: str) -> str:  # noqa: ARG002 - nothing to say of any
        """Return ""."""
        return ""

    def table(self, rows: int) -> Table:
        """Return a table of this family's curves, at configs drawn evenly.

        Args:
            rows: how many configs, >= 1.
        """
        space = ConfigSpace({f"x{i}": uniform(0, 1) for i in range(self.dimensions)})
        configs = [space.sample(keyed_random(self.key, "row", i)) for i in range(rows)]
        columns: dict[str, list[Scalar]] = {n: [c[n] for c in configs] for n in space.domains}
        curves = [[list(self.curve(c, seed)) for seed in range(self.seeds)] for c in configs]
        return Table(
            Rows(space, columns),
            levels=range(1, self.last_level + 1),
            metrics=self.metrics,
            values={"loss": [[[p.metrics["loss"] for p in one] for one in c] for c in curves]},
            elapsed_s=np.array([[[p.elapsed_s for p in one] for one in c] for c in curves]),
        )


def _score(share: float) -> float:
    return _NORMAL.inv_cdf(min(max(share, _EDGE), 1 - _EDGE))
