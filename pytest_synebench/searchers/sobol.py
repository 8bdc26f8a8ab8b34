"""Sobol search: a scrambled Sobol sequence, which fills the space more evenly than chance does.

Point i of the sequence is a place in the unit cube; each coordinate goes through its domain's own
``from_unit``. So intervals are filled on their own scale, and every value of a list gets its share.
The sequence begins behind ``points_to_evaluate``. Where places of a finite space fall on a config
that has come, the gap is filled at random, as ``draws`` says.

The sequence depends on the seed alone, and its even spread holds over powers of two: 64 trials are
spread better than 63 or 65.

Invariants (tests/searchers/test_sobol.py holds each one):
- equal seed, points and number give an equal config, in whatever order they are asked for;
- of 2**m configs of one interval, each of its 2**m equal shares holds exactly one;
- a finite space is exhausted exactly: each config once, then None.

Source: Sobol 1967; scrambling: Matousek, J. Complexity 14, 1998; scipy.stats.qmc.Sobol.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pytest_synebench.errors import UsageError
from pytest_synebench.searchers.draws import Draws
from pytest_synebench.searchers.protocol import History
from pytest_synebench.space import ConfigSpace, keyed_random
from pytest_synebench.trial import Config

if TYPE_CHECKING:
    from scipy.stats.qmc import Sobol

_MOST_DIMENSIONS = 21201  #: the direction numbers that SciPy has


class SobolSearch:
    """Suggests the points of a scrambled Sobol sequence; see the module.

    Args:
        space: the configuration space.
        seed: what the scrambling depends on.
        points: whole configs to suggest first, all different.
        allow_duplicates: whether configs of a finite space may come again.

    Raises:
        UsageError: the space has more hyperparameters than the sequence has dimensions.
    """

    def __init__(
        self,
        space: ConfigSpace,
        *,
        seed: int,
        points: Sequence[Config] = (),
        allow_duplicates: bool = False,
    ) -> None:
        if len(space.domains) > _MOST_DIMENSIONS:
            raise UsageError(
                f"sobol has {_MOST_DIMENSIONS} dimensions, and the space {len(space.domains)} "
                "hyperparameters; choose --searcher random"
            )
        self._space = space
        self._seed = seed
        self._skipped = len(points)
        self._names = sorted(space.domains)
        self._engine: Sobol | None = None
        self._configs = Draws(
            space, seed=seed, points=points, draws=self._draws, allow_duplicates=allow_duplicates
        )

    def suggest(self, history: History, number: int) -> Config | None:  # noqa: ARG002 - learns nothing
        """Return config ``number``, or None: a finite space holds no more."""
        return self._configs.at(number)

    def _draws(self, number: int) -> Iterator[Config]:
        yield self._config(self._point(number - self._skipped))
        rng = keyed_random(self._seed, "sobol gap", number)
        while True:
            yield self._space.sample(rng)

    def _config(self, point: dict[str, float]) -> Config:
        return {name: domain.from_unit(point[name]) for name, domain in self._space.domains.items()}

    def _point(self, index: int) -> dict[str, float]:
        if not self._names:
            return {}
        if self._engine is None or self._engine.num_generated > index:
            self._engine = self._begun()
        if index > self._engine.num_generated:
            self._engine.fast_forward(index - self._engine.num_generated)
        return dict(zip(self._names, map(float, self._engine.random(1)[0]), strict=True))

    def _begun(self) -> Sobol:
        from scipy.stats.qmc import Sobol  # here: importing it takes a third of a second

        scrambling = keyed_random(self._seed, "sobol").getrandbits(32)
        return Sobol(len(self._names), scramble=True, seed=scrambling)
