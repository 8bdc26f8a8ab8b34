"""The configs of a table: found by value in O(1), or by distance; and the space made of them alone.

Invariants (tests/blackboxes/test_rows.py holds each one):
- a config is found exactly where each value matches, whatever else it holds;
- two rows with one config are refused, with both numbers;
- the nearest row is the first of those at the smallest distance, and never one that is taken;
- a ``RowSpace`` gives rows and nothing else, each equally likely, and has as many configs as rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pytest_synebench.errors import UsageError
from pytest_synebench.space import ConfigSpace
from pytest_synebench.space.domain import Domain
from pytest_synebench.space.finite import Choice
from pytest_synebench.trial import Config, Scalar

if TYPE_CHECKING:
    from random import Random

Floats = NDArray[np.float64]


class Rows:
    """Configs in a fixed order, all different.

    Args:
        space: the hyperparameters, without constants.
        columns: the values of each, one per row.

    Raises:
        UsageError: a column is missing, a value lies outside of its domain, or a config comes
            twice; the text names row and column.
    """

    def __init__(self, space: ConfigSpace, columns: Mapping[str, Sequence[object]]) -> None:
        self.space = space
        _check_columns(space, columns)
        self._values: dict[str, list[Scalar]] = {}
        keys: list[list[str]] = []
        for name, domain in sorted(space.domains.items()):
            known: dict[object, tuple[Scalar, str]] = {}
            cast = [_cast(known, name, domain, value, i) for i, value in enumerate(columns[name])]
            self._values[name] = [value for value, _ in cast]
            keys.append([key for _, key in cast])
        self._names = tuple(space.domains)
        self._rows = list(zip(*(self._values[name] for name in self._names), strict=True))
        self._index: dict[str, int] = {}
        for row, parts in enumerate(zip(*keys, strict=True)):
            before = self._index.setdefault("\n".join(parts), row)
            if before != row:
                raise UsageError(
                    f"rows {before} and {row} have one config, {self.config(row)!r}; a table has "
                    "one row per config (several seeds need a seed column)"
                )
        # Most configs hold the values as they stand here; the texts are for those that only match.
        self._of = itemgetter(*self._names)  # of one name, what it gives is no tuple: so below
        own = map(itemgetter(*range(len(self._names))), self._rows)
        self._exact = dict(zip(own, range(len(self)), strict=True))
        self._units: Floats | None = None

    def __len__(self) -> int:
        return len(self._index)

    def config(self, row: int) -> dict[str, Scalar]:
        """Return the config of a row."""
        return dict(zip(self._names, self._rows[row], strict=True))

    def find(self, config: Config) -> int | None:
        """Return the row of a config, or None."""
        try:
            row = self._exact.get(self._of(config))
            return self._index.get(self.space.key(config)) if row is None else row
        except (KeyError, UsageError):
            return None

    def nearest(self, config: Config, taken: NDArray[np.bool_] | None = None) -> int | None:
        """Return the row nearest to a config, of equals the first; None: every row is taken.

        Distance is Euclidean over the unit cube of the domains' own scales; two categories without
        order are one apart.

        Args:
            config: values of every hyperparameter, each in its domain.
            taken: rows that do not count.
        """
        apart = self.distances(config)
        if taken is not None:
            apart[taken] = np.inf
        row = int(np.argmin(apart))
        return row if apart[row] < np.inf else None

    def distances(self, config: Config) -> Floats:
        """Return the squared distance of each row to a config."""
        if self._units is None:
            self._units = np.array(
                [
                    [_place(domain, value) for value in self._values[name]]
                    for name, domain in self.space.domains.items()
                ]
            ).T
        mine = [_place(domain, config[name]) for name, domain in self.space.domains.items()]
        apart = self._units - np.array(mine)
        unordered = [isinstance(domain, Choice) for domain in self.space.domains.values()]
        apart[:, unordered] = apart[:, unordered] != 0
        squared: Floats = (apart**2).sum(axis=1)
        return squared


def _check_columns(space: ConfigSpace, columns: Mapping[str, Sequence[object]]) -> None:
    missing = [name for name in space.domains if name not in columns]
    if missing:
        raise UsageError(
            f"the table has no column {missing[0]!r} (its columns: {', '.join(columns)}); name "
            "the hyperparameters as its columns are called"
        )
    lengths = {name: len(columns[name]) for name in space.domains}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise UsageError(f"the columns have unequal lengths ({shown}); give each row each value")
    if not next(iter(lengths.values()), 0):
        raise UsageError("the table has no rows; give it at least one config")


def _cast(
    known: dict[object, tuple[Scalar, str]], name: str, domain: Domain, value: Any, row: int
) -> tuple[Scalar, str]:
    """Return a value in its domain's own form, and its key; each is worked out once."""
    same = type(value), repr(value)  # True is not 1, and a list cannot be a key
    if same not in known:
        try:
            own = domain.cast(value)
        except UsageError as error:
            raise UsageError(f"row {row}, column {name!r}: {error}") from None
        known[same] = own, domain.match_string(own)
    return known[same]


def _place(domain: Domain, value: object) -> float:
    return domain.to_unit(value)


class RowSpace(ConfigSpace):
    """A space whose configs are the rows of a table.

    Args:
        asked: the space of the benchmark, whose hyperparameters are those of the rows.
        rows: the configs.
    """

    __slots__ = ("rows",)

    def __init__(self, asked: ConfigSpace, rows: Rows) -> None:
        super().__init__(asked)
        self.rows = rows
        self.size = len(rows)

    def sample(self, rng: Random) -> dict[str, Scalar]:
        """Return a row's config, each equally likely."""
        return self.rows.config(rng.randrange(len(self.rows)))

    def at(self, index: int) -> dict[str, Scalar]:
        """Return the config of row ``index``."""
        return self.rows.config(index)

    def key(self, config: Mapping[str, object]) -> str:
        """Return a text that is equal for configs to be taken for equal: the number of their row.

        What is no row, such as a point of the user's, has the key that it has in any space.
        """
        row = self.rows.find(config)  # type: ignore[arg-type] # what is no config is no row
        return super().key(config) if row is None else f"#{row}"

    def midpoint(self) -> dict[str, Scalar]:
        """Return the config of the row nearest to all midpoints."""
        row = self.rows.nearest(super().midpoint())
        return self.rows.config(0 if row is None else row)


def check_names(asked: ConfigSpace, known: ConfigSpace) -> None:
    """Refuse a space with other hyperparameters than a blackbox has.

    Raises:
        UsageError: the text names those that differ.
    """
    here, there = set(asked.domains), set(known.domains)
    if here != there:
        lacks = f"has not {', '.join(sorted(there - here))}" if there - here else ""
        more = f"has {', '.join(sorted(here - there))} as well" if here - there else ""
        raise UsageError(
            f"config_space {' and '.join(part for part in (lacks, more) if part)}; its blackbox "
            f"knows curves by {', '.join(known.domains)}: tune exactly these"
        )
