"""Results of a run, derived from its journal: the table people download, and records in Python.

Invariants (tests/experiment/store/test_results.py):
- one row per report, the user's names and sign; a diverged value is written ``nan``;
- whatever text a script reports, the table is read back with the same rows and columns;
- ``load_runs`` gives what the journal holds, an unfinished run's included;
- equal journals give equal bytes.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pytest_synebench.durable import replace_file
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.journal.journal import read_journal
from pytest_synebench.experiment.journal.trials import TrialRecord, TrialTable
from pytest_synebench.experiment.store.directories import read_metadata
from pytest_synebench.trial import Scalar

if TYPE_CHECKING:
    import pandas

Row = dict[str, Scalar]


def rows(table: TrialTable, resource_attr: str | None) -> Iterator[Row]:
    """Yield one row per report, trial by trial."""
    for trial in table.trials.values():
        for report, attempt in zip(trial.reports, trial.attempts_of, strict=True):
            row: Row = {"trial_id": trial.id, "attempt": attempt}
            row[resource_attr or "level"] = report.resource
            ours = {f"config_{key}": value for key, value in trial.config.items()}
            ours["at_s"] = report.at_s
            # A report that uses one of our names does not displace what the name means here.
            row.update({k: v for k, v in report.metrics.items() if k not in row and k not in ours})
            yield row | ours


def write_results(path: Path, table: TrialTable, resource_attr: str | None) -> None:
    """Write ``results.csv.gz``, whole and durably."""
    all_rows = list(rows(table, resource_attr))
    columns = list(dict.fromkeys(key for row in all_rows for key in row))
    text = _csv(columns, all_rows, csv.QUOTE_MINIMAL)
    if "\r" in text:  # which readers take for the end of a row, unless it is quoted
        text = _csv(columns, all_rows, csv.QUOTE_ALL)
    data = text.encode(errors="backslashreplace")  # a script may report half a surrogate pair
    # No time stamp in the gzip header: equal results are equal files.
    replace_file(path, gzip.compress(data, mtime=0))


def _csv(columns: list[str], all_rows: list[Row], quoting: Literal[0, 1]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", quoting=quoting)
    writer.writeheader()
    writer.writerows(all_rows)
    return text.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run, read from its directory."""

    directory: Path
    metadata: Mapping[str, Any]  #: what metadata.json holds
    finished: bool  #: whether it ended by a criterion
    reason: str  #: why it ended; "" while it is running, or after a crash
    trials: tuple[TrialRecord, ...]  #: in the order in which they were started
    rows: tuple[Row, ...]  #: one per report, as in results.csv.gz

    @property
    def best(self) -> Row | None:
        """The row of the best report, or None where there is no finite one."""
        losses = [report.loss for trial in self.trials for report in trial.reports]
        finite = [(loss, i) for i, loss in enumerate(losses) if math.isfinite(loss)]
        return self.rows[min(finite)[1]] if finite else None

    def dataframe(self) -> pandas.DataFrame:
        """Return the rows as a pandas DataFrame.

        Raises:
            UsageError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise UsageError(
                "dataframe() needs pandas: pip install 'pytest-synebench[report]'"
            ) from None
        return pandas.DataFrame(list(self.rows))


def load_runs(path: str | Path = ".synebench") -> list[RunRecord]:
    """Read every run at or below a path, oldest first.

    Args:
        path: a run's directory, or any directory above: ``.synebench`` has them all.

    Raises:
        UsageError: there is no such directory, or no run in it.
    """
    journals = sorted(_journals(Path(path)), key=lambda j: j.parent.name.split("-", 1)[-1])
    if not journals:
        raise UsageError(
            f"{str(path)!r} holds no run (no journal.jsonl at or below it); "
            "name a run's directory, or the .synebench directory of a project"
        )
    return [_load(journal.parent) for journal in journals]


def _journals(path: Path) -> Iterator[Path]:
    # os.walk, since a running trial makes and removes directories below ours meanwhile.
    for name, below, files in os.walk(path):
        if "journal.jsonl" in files:
            below.clear()
            yield Path(name, "journal.jsonl")


def _load(directory: Path) -> RunRecord:
    header, entries = read_journal(directory / "journal.jsonl")
    table = TrialTable()
    for entry in entries:
        table.fold(entry.event, entry.decisions)
    metadata = {**(header or {}), **read_metadata(directory)}
    closed = table.closed
    return RunRecord(
        directory=directory,
        metadata=metadata,
        finished=closed is not None and closed.finished,
        reason=closed.reason if closed else "",
        trials=tuple(table.trials.values()),
        rows=tuple(rows(table, metadata.get("resource_attr"))),
    )
