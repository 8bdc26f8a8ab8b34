"""What is exported is opened by what people open it with."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from hypothesis import given
from pictured_runs import HOSTILE, Trials, record

from pytest_synebench.analysis.exporters.catalog import exporter
from pytest_synebench.analysis.exporters.naming import full_name, safe
from pytest_synebench.experiment.store.results import Runs
from pytest_synebench.testing.histories import TEXTS

# Others' warnings: they are about what is between them.
pytestmark = pytest.mark.filterwarnings("ignore")

TRIALS: Trials = [
    ({"x": 0.5, "n": 3, "kind": "a", HOSTILE: HOSTILE, "flag": True, "odd": None}, [5.0, 2.0]),
    ({"x": 2.0, "n": 4, "kind": "b", HOSTILE: "2", "flag": False, "odd": 1}, [math.nan]),
    ({"x": 1.0, "n": 10**400, "kind": "b", HOSTILE: "3", "flag": False, "odd": 2.5}, [4.0]),
    ({"x": 9.0, "n": 1, "kind": "a", HOSTILE: "4", "flag": True, "odd": math.inf}, []),
]
RUNS = Runs(records=(record(TRIALS, mode="max"), record(TRIALS[:1], run_id=1)))
FIRST = full_name(RUNS[0])


def twice(name: str, where: Path) -> list[str]:
    """Export, and again: the second time replaces the first."""
    list(exporter(name)(RUNS, str(where)))
    return list(exporter(name)(RUNS, str(where)))


@given(value=TEXTS)
def test_no_name_leads_out_of_the_place(value: str) -> None:
    assert "/" not in safe(value)
    assert not safe(value).startswith(".")
    assert Path("a", safe(value)).parent == Path("a")


def test_optuna_and_its_dashboard_open_it(tmp_path: Path) -> None:
    optuna = pytest.importorskip("optuna", reason="needs the extra 'optuna'")
    told = twice("optuna", tmp_path / "runs.db")
    url = f"sqlite:///{tmp_path}/runs.db"
    assert told[0] == f"study {FIRST}, 4 trials, in {url}"
    study = optuna.load_study(study_name=FIRST, storage=url)
    assert study.direction.name == "MAXIMIZE"
    assert [trial.state.name for trial in study.trials] == ["PRUNED", "FAIL", "COMPLETE", "FAIL"]
    assert (study.best_value, study.best_params["x"]) == (-4.0, 1.0)
    assert study.trials[0].intermediate_values == {1: -5.0, 2: -2.0}
    assert study.trials[0].params[HOSTILE] == HOSTILE
    assert study.trials[0].distributions["x"].log
    dashboard = pytest.importorskip("optuna_dashboard", reason="needs optuna-dashboard")
    page = asked(dashboard.wsgi(optuna.storages.RDBStorage(url)), "/api/studies")
    assert {one["study_name"] for one in page["study_summaries"]} == set(map(full_name, RUNS))


def asked(application: Any, path: str) -> Any:
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    environ["PATH_INFO"] = path
    seen: list[str] = []
    body = b"".join(application(environ, lambda status, *_: seen.append(status)))
    assert seen == ["200 OK"]
    return json.loads(body)


def test_tensorboard_opens_it(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra 'tensorboard'")
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
    from tensorboard.plugins.hparams import plugin_data_pb2

    twice("tensorboard", tmp_path)
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(tmp_path)).Reload()
    assert len(multiplexer.Runs()) == 5
    name = f"{FIRST}/trial-00000"
    told = [(one.step, one.value) for one in multiplexer.Scalars(name, "score")]
    assert told == [(1, -5.0), (2, -2.0)]
    content = multiplexer.SummaryMetadata(name, "_hparams_/session_start_info")
    info = plugin_data_pb2.HParamsPluginData.FromString(content.plugin_data.content)
    hparams = info.session_start_info.hparams
    assert (hparams["x"].number_value, hparams["kind"].string_value) == (0.5, "a")


def test_mlflow_opens_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):  # a test asks no network
        monkeypatch.setenv(name, "true")
    tracking = pytest.importorskip("mlflow.tracking", reason="needs the extra 'mlflow'")
    twice("mlflow", tmp_path / "runs.db")
    client = tracking.MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/runs.db")
    (experiment,) = [one for one in client.search_experiments() if one.name == "toy"]
    found = client.search_runs([experiment.experiment_id], max_results=100)
    assert len(found) == 2 + 5
    (parent,) = [one for one in found if one.data.tags["mlflow.runName"].endswith("r0-1")]
    mine = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    trials = client.search_runs([experiment.experiment_id], mine)
    first = next(one for one in trials if one.data.tags["mlflow.runName"] == "trial 0")
    assert first.data.params["x"] == "0.5"
    history = client.get_metric_history(first.info.run_id, "score")
    assert [(one.step, one.value) for one in history] == [(1, -5.0), (2, -2.0)]
