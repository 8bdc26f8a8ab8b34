"""A table of measured curves: (config, seed, level) to metrics, with the seconds taken by then.

Invariants (tests/blackboxes/test_table.py holds each one):
- a curve is what was measured, level by level; nothing is made up between or beyond;
- a row is found by its config in O(1), and only rows are suggested;
- arrays of another shape, times that are no numbers, negative or falling, and levels that do not
  ascend are refused with row and column;
- a metric may be NaN: that config diverged.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_synebench.blackboxes.protocol import Mode, Point
from pytest_synebench.blackboxes.rows import Floats, Rows, RowSpace, check_names
from pytest_synebench.errors import UsageError
from pytest_synebench.trial import Config

if TYPE_CHECKING:
    from pytest_synebench.space import ConfigSpace

_tuple = tuple.__new__  # of a class of tuples: half the time that its own call takes


class Table:
    """Measured curves.

    Args:
        rows: the configs.
        levels: resource levels that were measured, ascending from 1 up.
        metrics: name to mode of each.
        values: name to an array of shape (rows, seeds, levels).
        elapsed_s: array of that shape: seconds since the trial began, when the level was reached.

    Raises:
        UsageError: an array breaks a rule; the text names row and column.
    """

    def __init__(
        self,
        rows: Rows,
        *,
        levels: Sequence[int],
        metrics: Mapping[str, Mode],
        values: Mapping[str, Any],
        elapsed_s: Any,
    ) -> None:
        self.rows = rows
        self.levels = tuple(map(int, levels))
        self.metrics = dict(metrics)
        self.elapsed_s = _array("elapsed time", elapsed_s)
        self.values = {name: _array(name, values[name]) for name in metrics}
        _check_levels(self.levels)
        _check_modes(self.metrics)
        shape = (len(rows), self.elapsed_s.shape[1], len(self.levels))
        for name, array in {"elapsed time": self.elapsed_s, **self.values}.items():
            if array.shape != shape:
                raise UsageError(
                    f"{name} has the shape {array.shape}; with {len(rows)} rows and "
                    f"{len(self.levels)} levels it must be {shape}: rows, seeds, levels"
                )
        check_times(
            self.elapsed_s,
            lambda row, seed, place: f"row {row}, seed {seed}, level {self.levels[place]}",
        )

    @property
    def seeds(self) -> int:
        """How many times each config was measured."""
        return int(self.elapsed_s.shape[1])

    @property
    def last_level(self) -> int:
        """The last level that was measured."""
        return self.levels[-1]

    def curve(self, config: Config, seed: int) -> Iterator[Point]:
        """Return the points that were measured of a config.

        Raises:
            UsageError: it is no row of the table.
        """
        row = self.rows.find(config)
        if row is None:
            mine = {name: config.get(name) for name in self.rows.space.domains}
            raise UsageError(
                f"{mine!r} is no row of the table; suggest rows only, or take the nearest row: "
                "blackbox=NearestRow(table)"
            )
        return self.points(row, seed)

    def points(self, row: int, seed: int) -> Iterator[Point]:
        """Return the points of a row."""
        names = tuple(self.values)
        columns = [array[row, seed].tolist() for array in self.values.values()]
        elapsed_s = self.elapsed_s[row, seed].tolist()
        if len(names) == 1:  # as most tables have it: no mapping to be zipped
            (name,), (column,) = names, columns
            for level, at_s, value in zip(self.levels, elapsed_s, column, strict=True):
                yield _tuple(Point, (level, at_s, {name: value}))
            return
        for level, at_s, *values in zip(self.levels, elapsed_s, *columns, strict=True):
            yield _tuple(Point, (level, at_s, dict(zip(names, values, strict=True))))

    def space(self, asked: ConfigSpace) -> ConfigSpace:
        """Return the space of the rows.

        Raises:
            UsageError: the space has not the table's hyperparameters.
        """
        check_names(asked, self.rows.space)
        return RowSpace(asked, self.rows)

    def remark(self, metric: str) -> str:  # noqa: ARG002 - nothing to say of any
        """Return "": every curve was measured."""
        return ""


def _array(name: str, values: Any) -> Floats:
    try:
        array: Floats = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError(
            f"{name} is no array of numbers of one shape; each curve must have each level"
        ) from None
    if array.ndim != 3:
        raise UsageError(
            f"{name} has {array.ndim} dimensions; it must have three: rows, seeds, levels"
        )
    return array


def _check_levels(levels: tuple[int, ...]) -> None:
    if not levels or levels[0] < 1 or any(a >= b for a, b in itertools.pairwise(levels)):
        raise UsageError(f"the levels are {levels!r}; they must ascend from 1 up")


def _check_modes(metrics: Mapping[str, str]) -> None:
    for name, mode in metrics.items():
        if mode not in {"min", "max"}:
            raise UsageError(f"the mode of {name!r} is {mode!r}; it must be 'min' or 'max'")
    if not metrics:
        raise UsageError("the table names no metric; metrics={'loss': 'min'}")


def check_times(elapsed_s: Floats, where: Callable[[int, int, int], str]) -> None:
    """Refuse times that fall, or are no finite number.

    Args:
        elapsed_s: seconds since the trial began, by row, seed and place of the level.
        where: says where such a place is, for people.

    Raises:
        UsageError: the first of them, with where it is.
    """
    steps = np.diff(elapsed_s, axis=2, prepend=0.0)
    bad = np.argwhere(~(np.isfinite(elapsed_s) & (steps >= 0)))
    if len(bad):
        row, seed, place = map(int, bad[0])
        before = elapsed_s[row, seed, place - 1] if place else 0.0
        raise UsageError(
            f"{where(row, seed, place)}: the elapsed time is "
            f"{elapsed_s[row, seed, place]} s after {before} s; it is the seconds since the trial "
            "began, which are finite and never fall"
        )
