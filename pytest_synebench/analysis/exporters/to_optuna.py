"""Runs as studies of Optuna: ``optuna-dashboard`` opens them.

A run is a study, named by benchmark, setup and directory; a trial is a trial, its reports are
intermediate values. Paused and stopped trials are pruned ones; one without a finite value failed.

Source: Optuna's documentation of ``create_trial`` and of its storages.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_synebench.analysis.exporters import naming
from pytest_synebench.analysis.exporters.catalog import needs
from pytest_synebench.analysis.pictures.single import is_log
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.store.results import RunRecord, Runs
from pytest_synebench.trial import Scalar, TrialState

_BOUND = 2**53  #: beyond it a database may not keep an integer


def export(runs: Runs, where: str) -> Iterator[str]:
    """Write runs into a storage, ``sqlite:///runs.db``, or the path of a file.

    Raises:
        UsageError: the extra is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise needs("optuna", error) from None
    url = where if "://" in where else f"sqlite:///{where}"
    storage = optuna.storages.RDBStorage(url)
    known = {one.study_name for one in optuna.get_all_study_summaries(storage)}
    for run in runs:
        name = naming.full_name(run)
        if name in known:
            optuna.delete_study(study_name=name, storage=storage)
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            direction="maximize" if run.metadata.get("mode") == "max" else "minimize",
        )
        study.set_metric_names([naming.metric(run)])
        for key in ("benchmark", "setup", "run_id", "commit"):
            study.set_user_attr(key, run.metadata.get(key))
        study.add_trials(_trials(run, optuna))
        yield f"study {name}, {len(run.trials)} trials, in {url}"


def _trials(run: RunRecord, optuna: Any) -> list[Any]:
    values: dict[str, list[Scalar]] = {}
    for trial in run.trials:
        for key, value in trial.config.items():
            values.setdefault(key, []).append(value)
    space = run.metadata.get("space")
    domains = space if isinstance(space, dict) else {}
    distributions = {
        key: _distribution(seen, domains.get(key), optuna.distributions)
        for key, seen in values.items()
    }
    return [_trial(run, trial, distributions, optuna) for trial in run.trials]


def _distribution(seen: Sequence[Scalar], domain: Any, kinds: Any) -> Any:
    """Return the distribution that has every value seen, and the domain's bounds."""
    numbers = [
        value for value in seen if isinstance(value, int | float) and naming.is_number(value)
    ]
    if len(numbers) < len(seen) or any(abs(one) >= _BOUND for one in numbers):
        return kinds.CategoricalDistribution(list(dict.fromkeys(map(_choice, seen))))
    told = [domain[k] for k in ("lower", "upper") if isinstance(domain, Mapping) and k in domain]
    low, high = min([*numbers, *told]), max([*numbers, *told])
    log = is_log(domain) and low > 0
    if all(isinstance(one, int) for one in [*numbers, *told]):
        return kinds.IntDistribution(low, high, log=log and low >= 1)
    return kinds.FloatDistribution(low, high, log=log)


def _choice(value: Scalar) -> Scalar:
    # What JSON has no spelling for, or a database no room.
    ours = value is None or isinstance(value, bool | str)
    return value if ours else str(value)


def _trial(run: RunRecord, trial: TrialRecord, distributions: Mapping[str, Any], o: Any) -> Any:
    sign, states = naming.sign(run), o.trial.TrialState
    best = trial.best
    state = {TrialState.COMPLETED: states.COMPLETE, TrialState.FAILED: states.FAIL}.get(
        trial.state, states.PRUNED
    )
    if best is None:
        state = states.FAIL
    params = {
        key: _choice(value)
        if isinstance(distributions[key], o.distributions.CategoricalDistribution)
        else value
        for key, value in trial.config.items()
    }
    made = o.trial.create_trial(
        state=state,
        value=sign * best.loss if best is not None and state != states.FAIL else None,
        params=params,
        distributions={key: distributions[key] for key in params},
        intermediate_values={
            r.resource: sign * r.loss for r in trial.reports if math.isfinite(r.loss)
        },
        user_attrs={"trial_id": trial.id, "state": trial.state.value, "reason": trial.reason},
    )
    made.datetime_start = naming.moment(run, naming.started_s(trial)).replace(tzinfo=None)
    made.datetime_complete = naming.moment(run, naming.ended_s(trial)).replace(tzinfo=None)
    return made
