"""Runs as event files of TensorBoard: a folder per trial, with its scalars and hyperparameters.

Source: TensorBoard's documentation of ``SummaryWriter`` files and of the HParams plugin.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_synebench.analysis.exporters import naming
from pytest_synebench.analysis.exporters.catalog import needs
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.store.results import RunRecord, Runs

_OURS = "events.out.tfevents.*.synebench"  #: what an earlier export has written


def export(runs: Runs, where: str) -> Iterator[str]:
    """Write runs below a folder.

    Raises:
        UsageError: the extra is not installed.
    """
    try:
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.plugins.hparams import summary_v2
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
        raise needs("tensorboard", error) from None
    kinds = (EventFileWriter, event_pb2, summary_pb2, summary_v2)
    for run in runs:
        folder = Path(where) / naming.full_name(run)
        for trial in run.trials:
            _write(run, trial, folder / f"trial-{trial.id:05d}", kinds)
        yield f"{len(run.trials)} trials below {folder}"


def _write(run: RunRecord, trial: TrialRecord, folder: Path, kinds: tuple[Any, ...]) -> None:
    writer_of, event_pb2, summary_pb2, hparams = kinds
    for old in folder.glob(_OURS):
        old.unlink()
    writer = writer_of(str(folder), filename_suffix=".synebench")
    start = naming.moment(run, naming.started_s(trial)).timestamp()
    config = {str(k): v if naming.is_number(v) else str(v) for k, v in trial.config.items()}
    name = f"{naming.full_name(run)}/{trial.id}"
    opening = hparams.hparams_pb(config, trial_id=name, start_time_secs=start)
    writer.add_event(event_pb2.Event(wall_time=start, step=0, summary=opening))
    for report in trial.reports:
        values = [
            summary_pb2.Summary.Value(tag=tag, simple_value=value)
            for tag, value in naming.measured(run, report).items()
        ]
        at = naming.moment(run, report.at_s).timestamp()
        summary = summary_pb2.Summary(value=values)
        writer.add_event(event_pb2.Event(wall_time=at, step=report.resource, summary=summary))
    writer.close()
