"""How an experiment is doing: plain data, and one line of text.

Invariants (tests/analysis/watching/test_watch.py):
- values have the user's sign;
- nothing that a script or a config says can steer a terminal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_synebench.analysis.pictures.single import rungs
from pytest_synebench.experiment.journal.trials import TrialRecord, TrialTable
from pytest_synebench.trial import Config, TrialState

_RATE_S = 60.0  #: over which the rate is taken
_RUNNING_AT_MOST = 12
_CHARS_AT_MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A trial that has an attempt."""

    trial: int
    level: int
    until: int | None
    value: float | None
    config: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How an experiment is doing."""

    name: str
    unit: str
    metric: str
    at_s: float
    states: Mapping[str, int]  #: trials by state
    asked: int | None  #: trials that may be started
    units: int
    rate: float  #: units a minute, of late
    best: float | None
    best_trial: int
    best_level: int
    best_config: str
    rungs: tuple[tuple[int, int, int], ...]  #: level, trials that moved on, that did not
    running: tuple[Running, ...]
    running_more: int  #: that are not among those
    ended: str  #: why it is over; "": it is not
    finished: bool


def status(table: TrialTable, metadata: Mapping[str, Any]) -> Status:
    """Return how an experiment is doing by what its journal tells."""
    sign = -1.0 if metadata.get("mode") == "max" else 1.0
    trials, best, closed = list(table.trials.values()), table.best, table.closed
    going = [] if closed else list(table.running())
    count = Counter(trial.state for trial in trials)
    return Status(
        name=printable("{}::{}-r{}".format(*(metadata.get(k, "?") for k in _NAMES))),
        unit=printable(metadata.get("resource_attr") or "level"),
        metric=printable(metadata.get("metric") or "loss"),
        at_s=table.at_s,
        states={state.value: count[state] for state in TrialState if count[state]},
        asked=metadata.get("params", {}).get("num_trials"),
        units=table.units,
        rate=_rate(trials, table.at_s),
        best=sign * best.loss if best else None,
        best_trial=best.trial_id if best else 0,
        best_level=best.resource if best else 0,
        best_config=configured(table.trials[best.trial_id].config) if best else "",
        rungs=tuple((one.level, len(one.moved_on), len(one.ended)) for one in rungs(trials)),
        running=tuple(_running(trial, sign) for trial in going[:_RUNNING_AT_MOST]),
        running_more=max(0, len(going) - _RUNNING_AT_MOST),
        ended=printable(closed.reason) if closed else "",
        finished=closed is not None and closed.finished,
    )


_NAMES = ("benchmark", "setup", "run_id")


def _running(trial: TrialRecord, sign: float) -> Running:
    return Running(
        trial=trial.id,
        level=trial.level,
        until=trial.until,
        value=sign * trial.last.loss if trial.last else None,
        config=configured(trial.config),
    )


def _rate(trials: list[TrialRecord], at_s: float) -> float:
    since_s = max(0.0, at_s - _RATE_S)
    late = 0
    for trial in trials:
        before = 0
        for report in trial.reports:
            late += report.resource - before if report.at_s >= since_s else 0
            before = report.resource
    return 60 * late / (at_s - since_s) if at_s > since_s else 0.0


def configured(config: Config) -> str:
    """Return a config in short."""
    parts = [
        f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in config.items()
    ]
    return printable(" ".join(parts))


def printable(value: object) -> str:
    r"""Return text that moves no cursor and rings no bell.

    >>> printable("a\x1b[2Jb")
    'a?[2Jb'
    """
    text = "".join(c if c.isprintable() else "?" for c in str(value))
    return text if len(text) <= _CHARS_AT_MOST else f"{text[: _CHARS_AT_MOST - 1]}…"


def line(now: Status) -> str:
    """Return it as one line."""
    states = ", ".join(f"{n} {state}" for state, n in now.states.items()) or "no trial yet"
    asked = f" of {now.asked}" if now.asked is not None else ""
    parts = [f"{sum(now.states.values())}{asked} trials started ({states})"]
    parts.append(f"{now.units} {now.unit}s, {now.rate:.3g} a minute")
    if now.best is not None:
        parts.append(f"best {now.metric}={now.best:.5g} (#{now.best_trial}@{now.best_level})")
    parts.append(f"{now.at_s:.0f} s")
    if now.ended:
        parts.append(f"{'finished' if now.finished else 'interrupted'}: {now.ended}")
    return f"{now.name}: {'; '.join(parts)}"
