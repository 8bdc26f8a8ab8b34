"""A user's own table: columns of a DataFrame, a CSV or a Parquet file, and what each one means.

Invariants (tests/blackboxes/test_description.py holds each one):
- equal columns give equal tables, whether they come as DataFrame, CSV or Parquet;
- the order of the rows does not matter;
- a missing column, a hyperparameter that is empty, NaN or outside of its domain, a level or seed
  that is no whole number, a curve without a level that others have, a row that comes twice, and a
  time that falls are refused with row and column.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_synebench.blackboxes.protocol import Mode
from pytest_synebench.blackboxes.rows import Floats, Rows
from pytest_synebench.blackboxes.table import Table, check_times
from pytest_synebench.errors import UsageError
from pytest_synebench.space import ConfigSpace
from pytest_synebench.space.domain import Domain

if TYPE_CHECKING:
    import pandas

Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What the columns of a table mean. A row of it is one (config, seed, level)."""

    hyperparameters: Mapping[str, Domain]  #: column to domain
    metrics: Mapping[str, Mode]  #: column to "min" or "max"
    elapsed_time: str  #: column of the seconds since the trial began
    level: str | None = None  #: column of the resource level; None: one row per config and seed
    seed: str | None = None  #: column that tells repeated measurements apart; None: there is one
    per_level: bool = False  #: whether ``elapsed_time`` is of each level, to be summed up

    def table(self, columns: Columns) -> Table:
        """Return the table.

        Args:
            columns: name to values, all of one length.

        Raises:
            UsageError: a rule is broken; the text names row (counted from 0) and column.
        """
        count = self._check_present(columns)
        space = ConfigSpace(dict(self.hyperparameters))
        keys = [self._key(space, columns, row) for row in range(count)]
        levels = _whole(columns, self.level, count)
        seeds = _whole(columns, self.seed, count)
        places = _Places(keys, seeds, levels)
        first = [places.first_row(key) for key in places.keys]
        rows = Rows(space, {name: [columns[name][row] for row in first] for name in space.domains})
        elapsed_s = places.fill(_numbers(columns, self.elapsed_time, count))
        elapsed_s = elapsed_s.cumsum(axis=2) if self.per_level else elapsed_s
        check_times(
            elapsed_s,
            lambda *place: f"row {places.row(place)}, column {self.elapsed_time!r}",
        )
        return Table(
            rows,
            levels=[1] if self.level is None else places.levels,
            metrics=self.metrics,
            values={name: places.fill(_numbers(columns, name, count)) for name in self.metrics},
            elapsed_s=elapsed_s,
        )

    def from_dataframe(self, frame: pandas.DataFrame) -> Table:
        """Return the table of a pandas DataFrame."""
        return self.table({str(name): frame[name].tolist() for name in frame.columns})

    def from_csv(self, path: str | Path) -> Table:
        """Return the table of a CSV file with a header.

        Raises:
            UsageError: there is no such file, or as for ``table``.
        """
        try:
            with Path(path).open(newline="", encoding="utf-8") as file:
                reader = csv.reader(file)
                names = next(reader, [])
                lines = list(reader)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}; name a CSV file with a header") from None
        for number, line in enumerate(lines):
            if len(line) != len(names):
                raise UsageError(
                    f"{path}, row {number}: it has {len(line)} fields, the header {len(names)}"
                )
        texts = dict(zip(names, map(list, zip(*lines, strict=True)), strict=False))
        return self.table(
            {
                name: [_read(text, self.hyperparameters.get(name)) for text in column]
                for name, column in texts.items()
            }
        )

    def from_parquet(self, path: str | Path) -> Table:
        """Return the table of a Parquet file.

        Raises:
            UsageError: pyarrow is not installed, there is no such file, or as for ``table``.
        """
        return self.table(parquet_columns(path))

    def _check_present(self, columns: Columns) -> int:
        asked = [*self.hyperparameters, *self.metrics, self.elapsed_time]
        asked += [name for name in (self.level, self.seed) if name is not None]
        for name in asked:
            if name not in columns:
                raise UsageError(
                    f"the table has no column {name!r}; its columns: {', '.join(columns)}"
                )
        return len(columns[self.elapsed_time])

    def _key(self, space: ConfigSpace, columns: Columns, row: int) -> str:
        config = {}
        for name, domain in self.hyperparameters.items():
            value = columns[name][row]
            try:
                config[name] = domain.cast(value)
            except UsageError as error:
                raise UsageError(f"row {row}, column {name!r}: {error}") from None
        return space.key(config)


class _Places:
    """Where each row of a file belongs in arrays of (config, seed, level)."""

    def __init__(self, keys: list[str], seeds: list[int], levels: list[int]) -> None:
        self.keys = list(dict.fromkeys(keys))
        self.levels = sorted(set(levels))
        self._first = {key: row for row, key in reversed(list(enumerate(keys)))}
        found_seeds = sorted(set(seeds))
        number = {key: i for i, key in enumerate(self.keys)}
        self._shape = len(self.keys), len(found_seeds), len(self.levels)
        seed_at, level_at = ({v: i for i, v in enumerate(v)} for v in (found_seeds, self.levels))
        self._at = np.full(self._shape, -1)
        for row, (key, seed, level) in enumerate(zip(keys, seeds, levels, strict=True)):
            place = number[key], seed_at[seed], level_at[level]
            if self._at[place] >= 0:
                raise UsageError(
                    f"rows {self._at[place]} and {row} are one measurement: the same config, seed "
                    f"{seed} and level {level}; keep one of them"
                )
            self._at[place] = row
        self._check_whole(found_seeds)

    def _check_whole(self, seeds: list[int]) -> None:
        missing = np.argwhere(self._at < 0)
        if len(missing):
            config, seed, level = missing[0]
            row = self._first[self.keys[config]]
            raise UsageError(
                f"the curve that begins in row {row} is ragged: it has no level "
                f"{self.levels[level]} for seed {seeds[seed]}, which others have; give each config "
                "and seed each level (NaN as the metric of one that diverged), or leave it out"
            )

    def first_row(self, key: str) -> int:
        """Return the first row of a config."""
        return self._first[key]

    def row(self, place: tuple[int, int, int]) -> int:
        """Return the row of a place in the arrays."""
        return int(self._at[place])

    def fill(self, column: list[float]) -> Floats:
        """Return a column as an array of (config, seed, level)."""
        filled: Floats = np.array(column)[self._at]
        return filled


def _numbers(columns: Columns, name: str, count: int) -> list[float]:
    out = []
    for row in range(count):
        value = columns[name][row]
        try:
            out.append(math.nan if value is None or value == "" else float(value))
        except (TypeError, ValueError):
            raise UsageError(f"row {row}, column {name!r}: {value!r} is no number") from None
    return out


def _whole(columns: Columns, name: str | None, count: int) -> list[int]:
    """Return a column of whole numbers; without a column, ones."""
    if name is None:
        return [1] * count
    numbers = _numbers(columns, name, count)
    for row, value in enumerate(numbers):
        if not value.is_integer() or value < 0:
            raise UsageError(
                f"row {row}, column {name!r}: {columns[name][row]!r} is no whole number from 0 up"
            )
    return [int(value) for value in numbers]


def _read(text: str, domain: Domain | None) -> object:
    """Return what a text of a CSV file means: as its domain takes it, else as it stands."""
    if domain is None or domain.contains(text):
        return text
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        if domain.contains(value):
            return value
    truth = {"true": True, "false": False}.get(text.lower(), text)
    return truth if domain.contains(truth) else text


def parquet_columns(path: str | Path) -> dict[str, list[Any]]:
    """Return the columns of a Parquet file.

    Raises:
        UsageError: pyarrow is not installed, or there is no such file.
    """
    try:
        from pyarrow import parquet
    except ImportError:
        raise UsageError(
            "reading Parquet needs pyarrow: pip install 'pytest-synebench[tables]'"
        ) from None
    try:
        columns: dict[str, list[Any]] = parquet.read_table(path).to_pydict()
    except OSError as error:
        raise UsageError(f"{path} cannot be read as Parquet: {error}") from None
    return columns
