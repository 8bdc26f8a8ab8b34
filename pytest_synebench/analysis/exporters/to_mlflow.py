"""Runs for MLflow: an experiment per benchmark, a run per run of ours, a nested one per trial.

Source: MLflow's documentation of ``MlflowClient`` and of its system tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pytest_synebench.analysis.exporters import naming
from pytest_synebench.analysis.exporters.catalog import needs
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.store.results import RunRecord, Runs
from pytest_synebench.trial import TrialState

_BATCH = 500  #: metrics of one request, at most 1,000
_TEXT_AT_MOST = 500  #: of a parameter, in older servers
_NAME_AT_MOST = 200
_UNSAFE = re.compile(r"[^\w.\- ]", re.ASCII)  # of the names of metrics and parameters
_TAG = "synebench.run"
_PARENT = "mlflow.parentRunId"


def export(runs: Runs, where: str) -> Iterator[str]:
    """Write runs to a tracking server: ``http://…``, ``sqlite:///runs.db``, or a file's path.

    Raises:
        UsageError: the extra is not installed.
    """
    try:
        from mlflow import entities
        from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise needs("mlflow", error) from None
    url = where if ":" in where else f"sqlite:///{where}"
    client = MlflowClient(tracking_uri=url)
    for run in runs:
        yield _Export(client, entities, run).write()


class _Export:
    """One run on its way."""

    def __init__(self, client: Any, entities: Any, run: RunRecord) -> None:
        self._client, self._entities, self._run = client, entities, run
        self._name = naming.full_name(run)
        title = naming.safe(run.metadata.get("benchmark", "?"))
        known = client.get_experiment_by_name(title)
        self._experiment = known.experiment_id if known else client.create_experiment(title)

    def write(self) -> str:
        self._forget()
        run, last_s = self._run, max(map(naming.ended_s, self._run.trials), default=0.0)
        tags = {key: str(run.metadata.get(key)) for key in ("setup", "run_id", "commit", "dataset")}
        parent = self._begin(self._name.partition("/")[2], 0.0, tags)
        params = run.metadata.get("params", {})
        self._log(parent, [], {key: value for key, value in params.items() if value is not None})
        for trial in run.trials:
            self._trial(trial, parent)
        self._end(parent, "FINISHED" if run.finished else "KILLED", last_s)
        return f"{self._name}, {len(run.trials)} trials, in experiment {self._experiment}"

    def _forget(self) -> None:
        """Delete what was exported of this run before."""
        told = f"tags.`{_TAG}` = '{self._name}'"
        while found := self._client.search_runs([self._experiment], told, max_results=1000):
            for one in found:
                self._client.delete_run(one.info.run_id)

    def _begin(self, name: str, at_s: float, tags: dict[str, str]) -> str:
        made = self._client.create_run(
            self._experiment,
            start_time=self._ms(at_s),
            run_name=name,
            tags={_TAG: self._name, **tags},
        )
        return str(made.info.run_id)

    def _end(self, run_id: str, status: str, at_s: float) -> None:
        self._client.set_terminated(run_id, status=status, end_time=self._ms(at_s))

    def _ms(self, at_s: float) -> int:
        return round(1000 * naming.moment(self._run, at_s).timestamp())

    def _trial(self, trial: TrialRecord, parent: str) -> None:
        tags = {_PARENT: parent, "state": trial.state.value}
        run_id = self._begin(f"trial {trial.id}", naming.started_s(trial), tags)
        metrics = [
            self._entities.Metric(_key(name), value, self._ms(report.at_s), report.resource)
            for report in trial.reports
            for name, value in naming.measured(self._run, report).items()
        ]
        self._log(run_id, metrics, dict(trial.config))
        ended = {TrialState.COMPLETED: "FINISHED", TrialState.FAILED: "FAILED"}
        self._end(run_id, ended.get(trial.state, "KILLED"), naming.ended_s(trial))

    def _log(self, run_id: str, metrics: Sequence[Any], params: dict[str, Any]) -> None:
        told = [
            self._entities.Param(_key(key), str(value)[:_TEXT_AT_MOST])
            for key, value in params.items()
        ]
        for start in range(0, len(told), 100):
            self._client.log_batch(run_id, params=told[start : start + 100])
        for start in range(0, len(metrics), _BATCH):
            self._client.log_batch(run_id, metrics=metrics[start : start + _BATCH])


def _key(name: object) -> str:
    text = _UNSAFE.sub("_", str(name))[:_NAME_AT_MOST]
    return f"_{text}" if text[:1] in ("", ".", " ") else text
