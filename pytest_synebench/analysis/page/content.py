"""What the page on some runs says: plain data, ready to be put into HTML or Markdown.

Invariants (tests/analysis/page/test_content.py):
- every run that can be read has a row, every one that cannot is named;
- values stand there with the user's sign, and diverged ones as what they are;
- what is left out for its size is said.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

from pytest_synebench.analysis.curves import incumbent
from pytest_synebench.analysis.pictures import figures, run_figures
from pytest_synebench.analysis.pictures.bands import by_units
from pytest_synebench.analysis.pictures.comparing import standings
from pytest_synebench.analysis.pictures.grouping import Group, groups
from pytest_synebench.analysis.pictures.ink import Figure
from pytest_synebench.experiment.store.results import RunRecord, Runs
from pytest_synebench.trial import Config, Scalar

Row: TypeAlias = Mapping[str, Scalar]
TRIALS_AT_MOST = 2000  #: rows
LOOKED_INTO = 24  #: setups with figures of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A figure with what is said of it; the title is also what a screen reader says."""

    title: str
    note: str
    figure: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One setup of a benchmark."""

    name: str
    runs: int
    median: float | None  #: of the best values of its runs, in the user's sign
    best: float | None
    best_config: str  #: to copy
    units: int  #: resource units over all of its runs
    trials: int
    about: str  #: which run the pictures are of
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One benchmark."""

    name: str
    metric: str
    mode: str
    unit: str
    dataset: str
    pictures: tuple[Picture, ...]
    setups: tuple[Setup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Everything on the page."""

    title: str
    sections: tuple[Section, ...]
    across: tuple[Picture, ...]
    runs: tuple[Mapping[str, Scalar], ...]
    trials: tuple[Mapping[str, Scalar], ...]
    trials_left_out: int = 0
    verdict: Mapping[str, Any] | None = None  #: JSON of a gate
    problems: Mapping[Path, str] = field(default_factory=dict)


def content(runs: Runs, *, title: str, verdict: Mapping[str, Any] | None = None) -> Content:
    """Return what the page on some runs says."""
    runs = runs.readable()
    every = groups(runs)
    sections, looked_into = [], 0
    for _, members in groupby(every, key=lambda one: one.benchmark):
        mine = list(members)
        sections.append(_section(mine, max(0, LOOKED_INTO - looked_into)))
        looked_into += len(mine)
    trials = [_trials(group, run) for group in every for run in group.every]
    kept = _kept(trials)
    return Content(
        title=title,
        sections=tuple(sections),
        across=tuple(_across(every)),
        runs=tuple(_run(group, run) for group in every for run in group.every),
        trials=kept,
        trials_left_out=sum(map(len, trials)) - len(kept),
        verdict=verdict,
        problems=runs.problems,
    )


def _kept(by_run: Sequence[Sequence[Row]]) -> tuple[Row, ...]:
    """Return the trials that have a row: all, or as many of each run, its first ones."""
    quota = TRIALS_AT_MOST
    if sum(map(len, by_run)) > TRIALS_AT_MOST:
        quota = max(1, TRIALS_AT_MOST // len(by_run))
    return tuple(row for rows in by_run for row in rows[:quota])[:TRIALS_AT_MOST]


def _section(members: Sequence[Group], looked_into: int) -> Section:
    first = members[0]
    metadata = first.every[-1].metadata
    over = "the middle half of its runs; the band is where that mean lies with 95 % certainty"
    told = [
        ("Best value by work done", f"Mean over {over}.", figures.incumbents(members, "units")),
        ("Best value by time", f"Mean over {over}.", figures.incumbents(members, "time")),
        (
            "History",
            "The best value of each run, by the day it began; hollow: unfinished.",
            figures.history(members),
        ),
    ]
    return Section(
        name=first.benchmark,
        metric=first.metric,
        mode=first.mode,
        unit=first.unit,
        dataset=str(metadata.get("dataset") or ""),
        pictures=_pictures(told),
        setups=tuple(_setup(one, looked_into=i < looked_into) for i, one in enumerate(members)),
    )


def _pictures(told: Sequence[tuple[str, str, Figure | None]]) -> tuple[Picture, ...]:
    return tuple(
        Picture(title=title, note=note, figure=found)
        for title, note, found in told
        if found is not None
    )


def _setup(group: Group, *, looked_into: bool) -> Setup:
    finals = [incumbent(run.trials).final for run in group.runs]
    finite = sorted(one for one in finals if math.isfinite(one))
    best_run = group.runs[finals.index(finite[0])] if finite else group.runs[0]
    return Setup(
        name=group.setup,
        runs=len(group.every),
        median=group.metric_of(_median(finite)) if finite else None,
        best=group.metric_of(finite[0]) if finite else None,
        best_config=best_config(best_run),
        units=sum(incumbent(run.trials).units for run in group.every),
        trials=sum(len(run.trials) for run in group.every),
        about=f"run id {best_run.metadata.get('run_id', '?')}, the best of {len(group.runs)}",
        pictures=_of_run(group, best_run) if looked_into else (),
    )


def _median(ordered: Sequence[float]) -> float:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else ordered[half - 1] / 2 + ordered[half] / 2


def _of_run(group: Group, run: RunRecord) -> tuple[Picture, ...]:
    matters = run_figures.importances(run)
    how = f"By {matters.method}, from each trial's last value." if matters else ""
    told = [
        ("Learning curves", "A line per trial.", run_figures.learning(group, run)),
        (
            "Rungs",
            "Trials at each level at which some ended, and how many went on from there.",
            run_figures.rungs(group, run),
        ),
        ("What matters", how, run_figures.important(matters)),
        ("Configs", "A line per trial, the best quarter on top.", run_figures.parallel(group, run)),
        ("Trade-off", "What no other trial beats in both.", run_figures.trade_off(group, run)),
    ]
    return _pictures(told)


def _across(every: Sequence[Group]) -> tuple[Picture, ...]:
    curves: dict[str, dict[str, list[Any]]] = {}
    for group in every:
        of_runs = [by_units(run.trials) for run in group.runs]
        curves.setdefault(group.benchmark, {}).setdefault(group.label, []).extend(of_runs)
    found = standings(curves)
    if not found:
        return ()
    number = next(iter(found.values())).benchmarks
    over = "1 benchmark that has every setup" if number == 1 else f"{number} benchmarks"
    regret = f"0: the best value any run found, 1: the worst first one; mean over {over}."
    rank = f"1: the best setup at that point; mean over {over}."
    told = [
        ("Normalised regret", regret, figures.standing(found, "regret")),
        ("Mean rank", rank, figures.standing(found, "rank")),
    ]
    return _pictures(told)


def _run(group: Group, run: RunRecord) -> Mapping[str, Scalar]:
    curve = incumbent(run.trials)
    last = max((r.at_s for trial in run.trials for r in trial.reports), default=0.0)
    return {
        "benchmark": group.benchmark,
        "setup": group.setup,
        "run id": run.metadata.get("run_id"),
        "state": run.state,
        "began": run.began.isoformat(sep=" ", timespec="seconds") if run.began else None,
        "best": group.metric_of(curve.final),
        "trials": len(run.trials),
        "units": curve.units,
        "seconds": last,
        "seed": run.metadata.get("seed"),
        "commit": str(run.metadata.get("commit") or "")[:10],
        "ended because": run.reason,
    }


def _trials(group: Group, run: RunRecord) -> list[Row]:
    """Return a row per trial, the best first; those that measured nothing last."""
    losses = {t.id: t.best.loss if t.best else math.inf for t in run.trials}
    return [
        {
            "benchmark": group.benchmark,
            "setup": group.setup,
            "run id": run.metadata.get("run_id"),
            "trial": trial.id,
            "state": trial.state.value,
            "level": trial.level,
            "last": group.metric_of(trial.last.loss) if trial.last else None,
            "best": group.metric_of(trial.best.loss) if trial.best else None,
            "resumed": trial.resumed,
            "config": options(trial.config),
        }
        for trial in sorted(run.trials, key=lambda one: losses[one.id])
    ]


def best_config(run: RunRecord) -> str:
    """Return the config of a run's best trial as options to copy; "": there is none."""
    best = run.best
    if best is None:
        return ""
    return next((options(t.config) for t in run.trials if t.id == best["trial_id"]), "")


def options(config: Config) -> str:
    """Return a config as a script's options, quoted for a shell.

    >>> options({"lr": 0.1, "note": "a b", "clip": None})
    "--lr=0.1 '--note=a b'"
    """
    return shlex.join(f"--{key}={value}" for key, value in config.items() if value is not None)
