"""Small tables of known numbers: for tests of blackboxes and of the simulated back-end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_synebench.blackboxes.rows import Rows
from pytest_synebench.blackboxes.table import Table
from pytest_synebench.space import ConfigSpace, choice, uniform

SPACE = ConfigSpace({"x": uniform(0, 1), "kind": choice(["a", "b"])})


def columns() -> dict[str, list[Any]]:
    """Four configs."""
    return {"x": [0.0, 0.25, 0.5, 1.0], "kind": ["a", "b", "a", "b"]}


def toy_table(seeds: int = 2, last: int = 3, **changed: Any) -> Table:
    """Loss of row i, seed s, level r: i + s / 10 + 1 / r; a level of row i costs i + 1 seconds."""
    rows = range(4)
    loss = [[[i + s / 10 + 1 / r for r in range(1, last + 1)] for s in range(seeds)] for i in rows]
    elapsed = [[[(i + 1.0) * r for r in range(1, last + 1)] for _ in range(seeds)] for i in rows]
    given: dict[str, Any] = {
        "levels": range(1, last + 1),
        "metrics": {"loss": "min"},
        "values": {"loss": loss},
        "elapsed_s": elapsed,
    }
    return Table(Rows(SPACE, columns()), **(given | changed))


def long_rows(table: Table) -> Iterator[dict[str, Any]]:
    """Yield a table as a user has it: one row per (config, seed, level)."""
    for row in range(len(table.rows)):
        for seed in range(table.seeds):
            for point in table.points(row, seed):
                yield {
                    **table.rows.config(row),
                    "seed": seed,
                    "epoch": point.level,
                    "loss": point.metrics["loss"],
                    "seconds": point.elapsed_s,
                }
