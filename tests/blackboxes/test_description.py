from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_tables import SPACE, long_rows, toy_table

from pytest_synebench.blackboxes.description import Description
from pytest_synebench.blackboxes.table import Table
from pytest_synebench.errors import UsageError

ROWS = list(long_rows(toy_table()))
DESCRIPTION = Description(
    hyperparameters=SPACE.domains,
    metrics={"loss": "min"},
    elapsed_time="seconds",
    level="epoch",
    seed="seed",
)


def columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in ROWS[0]}


def changed(row: int, **values: Any) -> list[dict[str, Any]]:
    return [{**one, **(values if i == row else {})} for i, one in enumerate(ROWS)]


def assert_same(one: Table, other: Table) -> None:
    assert [one.rows.config(i) for i in range(4)] == [other.rows.config(i) for i in range(4)]
    assert (one.levels, one.metrics) == (other.levels, other.metrics)
    assert np.array_equal(one.elapsed_s, other.elapsed_s)
    assert np.array_equal(one.values["loss"], other.values["loss"])


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_table_that_was_written_out_is_read_back() -> None:
    assert_same(DESCRIPTION.table(columns(ROWS)), toy_table())


def test_the_form_of_a_table_does_not_matter(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(ROWS)
    assert_same(DESCRIPTION.from_dataframe(frame), toy_table())
    pytest.importorskip("pyarrow")
    frame.to_parquet(tmp_path / "t.parquet")
    assert_same(DESCRIPTION.from_parquet(tmp_path / "t.parquet"), toy_table())


def test_csv_needs_nothing_but_python(tmp_path: Path) -> None:
    assert_same(DESCRIPTION.from_csv(write_csv(tmp_path / "t.csv", ROWS)), toy_table())


def test_the_order_of_the_rows_does_not_matter_for_a_curve() -> None:
    mixed = random.Random(0).sample(ROWS, len(ROWS))
    table = DESCRIPTION.table(columns(mixed))
    for row in range(4):
        config = toy_table().rows.config(row)
        assert list(table.curve(config, 1)) == list(toy_table().curve(config, 1))


def test_times_of_each_level_are_summed_up() -> None:
    each = Description(
        hyperparameters=SPACE.domains,
        metrics={"loss": "min"},
        elapsed_time="seconds",
        level="epoch",
        seed="seed",
        per_level=True,
    )
    steps = [{**row, "seconds": row["seconds"] / row["epoch"]} for row in ROWS]
    assert_same(each.table(columns(steps)), toy_table())


def test_without_a_level_column_there_is_one_report() -> None:
    final = Description(
        hyperparameters=SPACE.domains, metrics={"loss": "min"}, elapsed_time="seconds", seed="seed"
    )
    table = final.table(columns([row for row in ROWS if row["epoch"] == 3]))
    assert (table.levels, table.seeds) == ((1,), 2)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (changed(5, x=float("nan")), "row 5, column 'x': nan is not in uniform"),
        (changed(5, kind=None), "row 5, column 'kind': None is not in choice"),
        (changed(5, epoch=1.5), "row 5, column 'epoch': 1.5 is no whole number from 0 up"),
        (changed(5, epoch=None), "row 5, column 'epoch': None is no whole number"),
        (changed(5, seed="x"), "row 5, column 'seed': 'x' is no number"),
        (changed(5, loss="low"), "row 5, column 'loss': 'low' is no number"),
        (changed(5, seconds=-3.0), "row 5, column 'seconds': the elapsed time is -3.0 s"),
        (changed(5, seconds=None), "row 5, column 'seconds': the elapsed time is nan s"),
        (changed(5, epoch=2), "rows 4 and 5 are one measurement"),
        (ROWS[:-1], "begins in row 18 is ragged: it has no level 3 for seed 1"),
    ],
)
def test_a_wrong_row_is_refused_by_number(rows: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        DESCRIPTION.table(columns(rows))


@pytest.mark.parametrize("name", ["x", "loss", "seconds", "epoch", "seed"])
def test_a_missing_column_is_refused_by_name(name: str) -> None:
    data = columns(ROWS)
    del data[name]
    with pytest.raises(UsageError, match=f"no column '{name}'; its columns: "):
        DESCRIPTION.table(data)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name a CSV file with a header"):
        DESCRIPTION.from_csv(tmp_path / "none.csv")
    (tmp_path / "short.csv").write_text("x,kind\n1\n")
    with pytest.raises(UsageError, match="row 0: it has 1 fields, the header 2"):
        DESCRIPTION.from_csv(tmp_path / "short.csv")
    pytest.importorskip("pyarrow")
    with pytest.raises(UsageError, match="cannot be read as Parquet"):
        DESCRIPTION.from_parquet(tmp_path / "none.parquet")
