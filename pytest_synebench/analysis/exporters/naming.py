"""What runs and trials are called elsewhere, and when they were.

Invariants (tests/analysis/exporters/test_exporters.py):
- no name leads out of the place that is written to;
- different runs have different names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pytest_synebench.analysis.pictures.single import number
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.store.results import RunRecord
from pytest_synebench.trial import Report, Scalar

_UNSAFE = re.compile(r"[^\w.+~=-]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def safe(value: object) -> str:
    """Return any value as one part of a path.

    >>> safe("../a b")
    '_.._a_b'
    """
    text = _UNSAFE.sub("_", str(value))
    return f"_{text}" if text.startswith(".") or not text else text


def full_name(run: RunRecord) -> str:
    """Return a name that no other run has: benchmark, setup, directory."""
    parts = (run.metadata.get("benchmark", "?"), run.metadata.get("setup", "?"), run.directory.name)
    return "/".join(map(safe, parts))


def moment(run: RunRecord, at_s: float) -> datetime:
    """Return when something was, so many seconds after a run began."""
    return (run.began or _EPOCH) + timedelta(seconds=at_s)


def sign(run: RunRecord) -> float:
    """Return what turns a loss into the user's metric."""
    return -1.0 if run.metadata.get("mode") == "max" else 1.0


def metric(run: RunRecord) -> str:
    """Return the name of the metric."""
    return str(run.metadata.get("metric") or "loss")


def measured(run: RunRecord, report: Report) -> dict[str, float]:
    """Return the finite numbers of a report, the metric among them."""
    told: Mapping[str, Any] = {metric(run): sign(run) * report.loss, **report.metrics}
    numbers = {str(name): number(value) for name, value in told.items()}
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


def ended_s(trial: TrialRecord) -> float:
    """Return when a trial was last heard of."""
    return trial.last.at_s if trial.last else trial.started_s


def started_s(trial: TrialRecord) -> float:
    """Return when a trial was first heard of; its start, where it has reported nothing."""
    return min((r.at_s for r in trial.reports), default=trial.started_s)


def is_number(value: Scalar) -> bool:
    """Whether a value is a finite number, and no truth value."""
    return math.isfinite(number(value))
