"""A table asked between its rows: a config takes the curve of the nearest one (k = 1).

That is a guess, so how good a guess it is, is measured and shown: rows are held out, each is
guessed from the others, and the ranks of guesses and measurements are correlated.

Invariants (tests/blackboxes/test_nearest.py holds each one):
- a config that is a row has that row's curve;
- the space is the one asked for: nothing is restricted;
- a held-out row is never guessed from itself, and equal tables hold out equal rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from pytest_synebench.blackboxes.protocol import Mode, Point
from pytest_synebench.blackboxes.rows import check_names
from pytest_synebench.blackboxes.table import Table
from pytest_synebench.errors import UsageError
from pytest_synebench.trial import Config

if TYPE_CHECKING:
    from pytest_synebench.space import ConfigSpace

_HELD_OUT = 200


class NearestRow:
    """A table, with the curve of the nearest row for every config between them.

    Args:
        table: what was measured.
    """

    def __init__(self, table: Table) -> None:
        self.table = table

    @property
    def metrics(self) -> dict[str, Mode]:
        """The table's."""
        return self.table.metrics

    @property
    def seeds(self) -> int:
        """How many times each row was measured."""
        return self.table.seeds

    @property
    def last_level(self) -> int:
        """The last level that was measured."""
        return self.table.last_level

    def curve(self, config: Config, seed: int) -> Iterator[Point]:
        """Return the points of the nearest row."""
        row = self.table.rows.nearest(config)
        return self.table.points(0 if row is None else row, seed)

    def space(self, asked: ConfigSpace) -> ConfigSpace:
        """Return the space asked for.

        Raises:
            UsageError: it has not the table's hyperparameters, or goes beyond their domains.
        """
        check_names(asked, self.table.rows.space)
        for name, domain in self.table.rows.space.domains.items():
            if asked.domains[name] != domain:
                raise UsageError(
                    f"config_space[{name!r}] is {asked.domains[name]!r}, the table's {domain!r}; "
                    "take the table's, so that distances mean the same"
                )
        return asked

    def remark(self, metric: str) -> str:
        """Return how well rows are guessed from their neighbours."""
        count, correlation = self.holdout(metric)
        return (
            "configs between the table's rows take the curve of the nearest row (k = 1): the rank "
            f"correlation of {metric} at the last level, {count} rows held out, is "
            f"{correlation:.2f}"
        )

    def holdout(self, metric: str) -> tuple[int, float]:
        """Return how many rows were held out, and Spearman's correlation of guess and truth."""
        from scipy.stats import rankdata

        rows = self.table.rows
        final = self.table.values[metric][:, :, -1].mean(axis=1)
        known = np.flatnonzero(np.isfinite(final))
        chosen = known[:: max(1, len(known) // _HELD_OUT)][:_HELD_OUT]
        guesses, truths = [], []
        taken = ~np.isfinite(final)
        for row in map(int, chosen):
            taken[row] = True
            near = rows.nearest(rows.config(row), taken)
            taken[row] = False
            if near is not None:
                guesses.append(final[near])
                truths.append(final[row])
        if len(set(guesses)) < 2 or len(set(truths)) < 2:
            return len(guesses), float("nan")
        ranked = np.corrcoef(rankdata(guesses), rankdata(truths))
        return len(guesses), float(ranked[0, 1])
