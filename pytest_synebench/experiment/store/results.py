"""Results of a run, derived from its journal: the table people download, and records in Python.

Invariants (tests/experiment/store/test_results.py):
- one row per report, the user's names and sign; a diverged value is written ``nan``;
- whatever text a script reports, the table is read back with the same rows and columns;
- ``load_runs`` gives what the journal holds, an unfinished run's included;
- a journal is read when its trials are first asked for, and once;
- equal journals give equal bytes.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from pytest_synebench.durable import replace_file
from pytest_synebench.errors import JournalError, StoreError, UsageError
from pytest_synebench.experiment.journal.journal import read_journal
from pytest_synebench.experiment.journal.trials import TrialRecord, TrialTable
from pytest_synebench.experiment.store.finding import Found, Head, Where, began, find
from pytest_synebench.trial import Config, Report, Scalar

if TYPE_CHECKING:
    import pandas

Row = dict[str, Scalar]
REEVALUATED = "reevaluated"  #: of metadata, and the folder of the trainings that it is of


def rows(trials: Iterable[TrialRecord], resource_attr: str | None) -> Iterator[Row]:
    """Yield one row per report, trial by trial."""
    for trial in trials:
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
    all_rows = list(rows(table.trials.values(), resource_attr))
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


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run, read from its directory; its journal, when something of it is first asked for."""

    directory: Path
    metadata: Mapping[str, Any]  #: what metadata.json holds
    finished: bool  #: whether it ended by a criterion
    reason: str  #: why it ended; "" while it is running, or after a crash
    read: Callable[[], Sequence[TrialRecord]] = field(repr=False, compare=False)  #: its journal

    @cached_property
    def trials(self) -> tuple[TrialRecord, ...]:
        """Its trials, in the order in which they were started.

        Raises:
            JournalError: its journal is damaged.
        """
        return tuple(self.read())

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """One row per report, as in results.csv.gz."""
        return tuple(rows(self.trials, self.metadata.get("resource_attr")))

    @property
    def state(self) -> str:
        """``finished``, ``interrupted``, or ``open``: it is running, or was killed."""
        if self.finished:
            return "finished"
        return "interrupted" if self.reason else "open"

    @property
    def began(self) -> datetime | None:
        """When it began; None where neither metadata nor its name say so."""
        return began(self.directory, self.metadata)

    @property
    def name(self) -> str:
        """``<benchmark>::<setup>-r<run_id>``, as in node ids."""
        return "{}::{}-r{}".format(*(self.metadata.get(key, "?") for key in _KEYS))

    @property
    def best(self) -> Row | None:
        """The row of the best report, or None where there is no finite one."""
        losses = [report.loss for trial in self.trials for report in trial.reports]
        finite = [(loss, i) for i, loss in enumerate(losses) if math.isfinite(loss)]
        return self.rows[min(finite)[1]] if finite else None

    @property
    def best_report(self) -> Report | None:
        """The best report, or None where there is no finite one."""
        reports = [report for trial in self.trials for report in trial.reports]
        finite = [report for report in reports if math.isfinite(report.loss)]
        return min(finite, key=lambda report: report.loss, default=None)

    @property
    def reevaluated(self) -> tuple[float, ...]:
        """Losses of its best config when it was trained anew with fresh seeds; (): it was not."""
        told, best = self.metadata.get(REEVALUATED), self.best_report
        if not told or best is None:
            return ()
        if (told["trial"], told["level"]) != (best.trial_id, best.resource):
            return ()  # the run has gone on since
        return tuple(math.nan if loss is None else loss for loss in told["losses"])

    @property
    def best_config(self) -> Config | None:
        """The hyperparameters of the best report, or None where there is no finite one."""
        best = self.best
        return next((t.config for t in self.trials if best and t.id == best["trial_id"]), None)

    def dataframe(self) -> pandas.DataFrame:
        """Return the rows as a pandas DataFrame.

        Raises:
            UsageError: pandas is not installed.
        """
        return _pandas().DataFrame(list(self.rows))


@dataclass(frozen=True, kw_only=True)
class Runs(Sequence[RunRecord]):
    """Runs, oldest first, and what lies beside them that cannot be read."""

    records: tuple[RunRecord, ...] = ()
    problems: Mapping[Path, str] = field(default_factory=dict)  #: directory, why it is left out

    @overload
    def __getitem__(self, index: int) -> RunRecord: ...
    @overload
    def __getitem__(self, index: slice) -> Runs: ...
    def __getitem__(self, index: int | slice) -> RunRecord | Runs:
        if isinstance(index, slice):
            return Runs(records=self.records[index], problems=self.problems)
        return self.records[index]

    def __len__(self) -> int:
        return len(self.records)

    def readable(self) -> Runs:
        """Return those whose journal can be read, which this does; the others become problems."""
        problems, whole = dict(self.problems), []
        for run in self.records:
            try:
                _ = run.trials
            except (JournalError, StoreError, OSError) as error:
                problems[run.directory] = str(error)
            else:
                whole.append(run)
        return Runs(records=tuple(whole), problems=problems)

    def dataframe(self) -> pandas.DataFrame:
        """Return the rows of all runs as one pandas DataFrame, led by which run each is of.

        Raises:
            UsageError: pandas is not installed.
            JournalError: a journal is damaged; ``readable()`` leaves such runs out.
        """
        frame = _pandas().DataFrame
        table: list[dict[str, object]] = []
        for run in self.records:
            lead: dict[str, object] = {key: run.metadata.get(key) for key in _KEYS}
            lead |= {"began": run.began, "state": run.state}
            table += [{**row, **lead} for row in run.rows]
        first = [*_KEYS, "began", "state"]
        columns = list(dict.fromkeys([*first, *(key for row in table for key in row)]))
        return frame(table, columns=columns)


_KEYS = ("benchmark", "setup", "run_id")


def _pandas() -> Any:
    try:
        import pandas
    except ImportError:
        raise UsageError(
            "dataframe() needs pandas: pip install 'pytest-synebench[report]'"
        ) from None
    return pandas


def load_runs(
    path: str | Path = ".synebench",
    *,
    benchmark: str | Iterable[str] = "*",
    setup: str | Iterable[str] = "*",
    run_id: int | Iterable[int] | None = None,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    state: str | Iterable[str] = "*",
    **params: object,
) -> Runs:
    """Find the runs at or below a path, oldest first; journals are read when they are needed.

    Args:
        path: a run's directory, or any directory above: ``.synebench`` has them all. Or
            ``s3://BUCKET/PREFIX``, where ``--results`` has copied them.
        benchmark: name, glob, or several of them; likewise ``setup``.
        setup: id of a setup.
        run_id: one, or several.
        since: the first moment at which a run may have begun; ISO text is UTC unless it says.
        until: the first moment at which it may no longer.
        state: ``finished``, ``interrupted``, ``open``, or several.
        **params: parameters with the value that a run must have had: ``scheduler="pbt"``.

    Raises:
        UsageError: there is no such directory, or no run in it; a filter can fit no run.
        StoreError: the bucket cannot be used.
    """
    where = Where.of(
        benchmark=benchmark,
        setup=setup,
        run_id=run_id,
        since=since,
        until=until,
        state=state,
        params=params,
    )
    found = _found(path)
    records = [_record(one) for one in found.runs]
    where.check([run.metadata for run in records])
    if not records:
        raise UsageError(_nothing(str(path), found))
    kept = tuple(
        run for run in records if where.fits(run.metadata, began=run.began, state=run.state)
    )
    return Runs(records=kept, problems=found.problems)


def _found(path: str | Path) -> Found:
    if not str(path).startswith("s3://"):
        return find(Path(path))
    from pytest_synebench.experiment.store.fetching import find_in_s3

    return find_in_s3(str(path))


def _nothing(path: str, found: Found) -> str:
    broken = "".join(f"; {why}" for why in found.problems.values())
    return (
        f"{path!r} holds no run (no journal.jsonl at or below it that can be read{broken}); "
        "name a run's directory, or the .synebench directory of a project"
    )


def _record(one: Head) -> RunRecord:
    def read() -> Sequence[TrialRecord]:
        if one.fetch is not None:
            one.fetch()
        table = TrialTable()
        for entry in read_journal(one.directory / "journal.jsonl")[1]:
            table.fold(entry.event, entry.decisions)
        return tuple(table.trials.values())

    closed = one.closed
    return RunRecord(
        directory=one.directory,
        metadata=one.metadata,
        finished=closed is not None and closed.finished,
        reason=closed.reason if closed else "",
        read=read,
    )
