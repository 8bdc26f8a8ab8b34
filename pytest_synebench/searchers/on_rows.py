"""Any searcher, over the rows of a table: each suggestion is moved to the nearest row left.

Invariants (tests/searchers/test_on_rows.py holds each one):
- every suggestion is a row, and none that a trial of the history has had;
- a suggestion that is a row, and free, stays as it is;
- when every row has been tried there is no further config.
"""

from __future__ import annotations

import numpy as np

from pytest_synebench.blackboxes.rows import Rows
from pytest_synebench.searchers.protocol import History, Searcher
from pytest_synebench.trial import Config, TrialId


class OnRows:
    """Moves another searcher's suggestions; see the module.

    Args:
        searcher: what suggests, anywhere in the space.
        rows: the configs there are.
    """

    def __init__(self, searcher: Searcher, rows: Rows) -> None:
        self._searcher = searcher
        self._rows = rows
        # A memory of what the history says, so that each trial is looked up once.
        self._taken = np.zeros(len(rows), dtype=bool)
        self._seen = 0

    def suggest(self, history: History, number: int) -> Config | None:
        """Return config ``number``, or None: there is no further row, or no further suggestion."""
        config = self._searcher.suggest(history, number)
        if config is None:
            return None
        self._mark(history)
        row = self._rows.find(config)
        if row is None or self._taken[row]:
            row = self._rows.nearest(config, self._taken)
        return None if row is None else self._rows.config(row)

    def _mark(self, history: History) -> None:
        while (config := history.configs.get(TrialId(self._seen))) is not None:
            row = self._rows.find(config)
            if row is not None:
                self._taken[row] = True
            self._seen += 1
