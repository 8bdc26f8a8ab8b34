"""Figures of one run: learning curves, rungs, importance, configs as lines, trade-offs.

Invariants (tests/analysis/pictures/test_figures.py):
- plotly takes every figure, whatever the names and numbers of the run are;
- the numbers drawn are those prepared, with the user's sign.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pytest_synebench.analysis.pictures import single
from pytest_synebench.analysis.pictures.figures import figure
from pytest_synebench.analysis.pictures.grouping import Group
from pytest_synebench.analysis.pictures.importance import Importance, importance
from pytest_synebench.analysis.pictures.ink import Figure, colour, text
from pytest_synebench.experiment.store.results import RunRecord

_STATES = {"completed": 2, "paused": 5, "stopped": 4, "failed": 1, "running": 6}
_LINES_AT_MOST = 150
_GROUPS = 4  #: of trials in parallel coordinates, by how good they are
_AXES_AT_MOST = 12


def learning(group: Group, run: RunRecord) -> Figure | None:
    """Return the learning curves of a run, by what became of the trials."""
    lines = single.learning(run.trials)
    if not lines:
        return None
    best = min(lines, key=lambda one: min(one.losses))
    # Those that came furthest and best are shown where there are too many.
    kept = sorted(lines, key=lambda one: (-one.levels[-1], min(one.losses)))[:_LINES_AT_MOST]
    data = []
    for state in [state for state in _STATES if any(one.state == state for one in kept)]:
        shown = [one for one in kept if one.state == state and one is not best]
        if shown:
            data.append(
                _curves(shown, group, f"{state} ({len(shown)})", colour(_STATES[state], 0.5))
            )
    data.append(_curves([best], group, f"best: trial {best.trial_id}", "@0", width=3.0))
    return figure(data, x=group.unit, y=group.metric, hovermode="closest")


def _curves(
    lines: Sequence[single.Line], group: Group, name: str, ink: str, *, width: float = 1.4
) -> Figure:
    x: list[int | None] = []
    y: list[float | None] = []
    told: list[str | None] = []
    for one in lines:
        x += [*one.levels, None]
        y += [*map(group.metric_of, one.losses), None]
        told += [*[f"trial {one.trial_id}, {one.state}"] * len(one.levels), None]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": x,
        "y": y,
        "customdata": told,
        "name": text(name),
        "line": {"color": ink, "width": width},
        "marker": {"size": 4 if width < 2 else 6},
        "hovertemplate": "%{customdata}<br>%{y:.5g} at %{x}<extra></extra>",
    }


def rungs(group: Group, run: RunRecord) -> Figure | None:
    """Return who moved on at each level at which trials ended, and who did not."""
    found = single.rungs(run.trials)
    if len(found) < 2:
        return None
    data = []
    for name, ink, symbol in (("moved_on", "@2", "circle"), ("ended", "@1", "circle-open")):
        spots = [
            (place, trial_id, loss, rung.level)
            for place, rung in enumerate(found)
            for trial_id, loss in getattr(rung, name)
            if math.isfinite(loss)
        ]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [place + _jitter(trial_id) for place, trial_id, _, _ in spots],
                "y": [group.metric_of(loss) for _, _, loss, _ in spots],
                "text": [f"trial {trial_id} at {level}" for _, trial_id, _, level in spots],
                "name": {"moved_on": "moved on", "ended": "ended or paused here"}[name],
                "marker": {
                    "color": ink,
                    "symbol": symbol,
                    "size": 8,
                    "line": {"width": 2, "color": ink},
                },
                "hovertemplate": "%{text}<br>%{y:.5g}<extra></extra>",
            }
        )
    ticks = [
        f"{rung.level}<br>{len(rung.moved_on)} of {len(rung.moved_on) + len(rung.ended)} on"
        for rung in found
    ]
    places = list(range(len(found)))
    axis = {"tickvals": places, "ticktext": ticks, "range": [-0.5, len(found) - 0.5]}
    return figure(data, x=group.unit, y=group.metric, xaxis=axis, hovermode="closest")


def _jitter(number: int) -> float:
    """Return a small shift that is the same each time, so that dots do not hide each other."""
    return ((number * 0.6180339887) % 1 - 0.5) * 0.35


def _logs(run: RunRecord) -> frozenset[str]:
    space = run.metadata.get("space")
    domains = space if isinstance(space, dict) else {}
    return frozenset(name for name, domain in domains.items() if single.is_log(domain))


def importances(run: RunRecord) -> Importance | None:
    """Return how much each hyperparameter of a run matters."""
    told = single.outcomes(run.trials)
    configs, losses = [trial.config for trial, _ in told], [loss for _, loss in told]
    return importance(configs, losses, logs=_logs(run))


def important(found: Importance | None) -> Figure | None:
    """Return the shares of hyperparameters as bars, the largest on top."""
    if found is None:
        return None
    shares = list(reversed(found.shares[:_AXES_AT_MOST]))
    bars: Figure = {
        "type": "bar",
        "orientation": "h",
        "x": [100 * share for _, share in shares],
        "y": [text(name) for name, _ in shares],
        "marker": {"color": "@0"},
        "width": 0.5,
        "showlegend": False,
        "hovertemplate": "%{x:.1f} &#37;<extra></extra>",
    }
    shape = {"xaxis": {"rangemode": "tozero"}, "yaxis": {"type": "category", "automargin": True}}
    return figure([bars], x=f"% of the variation ({found.method})", y="", **shape)


def parallel(group: Group, run: RunRecord) -> Figure | None:
    """Return each trial as a line across its hyperparameters, the best quarter in front."""
    told = single.outcomes(run.trials)
    names = single.varied([trial.config for trial, _ in told])[:_AXES_AT_MOST]
    if len(told) < 2 or not names:
        return None
    told = sorted(told, key=lambda one: -one[1])[-_LINES_AT_MOST:]
    logs = _logs(run)
    axes = [
        single.axis(name, [trial.config[name] for trial, _ in told], log=name in logs)
        for name in names
    ]
    axes.append(single.axis(group.metric, [group.metric_of(loss) for _, loss in told]))
    size = -(-len(told) // _GROUPS)
    data = [
        _across(axes, range(start, min(start + size, len(told))), quarter, told)
        for quarter, start in enumerate(range(0, len(told), size))
    ]
    return _with_axes(figure(data, x="", y="", hovermode="closest"), axes)


def _across(
    axes: Sequence[single.Axis], rows: range, quarter: int, told: Sequence[tuple[Any, float]]
) -> Figure:
    x: list[int | None] = []
    y: list[float | None] = []
    names: list[str | None] = []
    for row in rows:
        x += [*range(len(axes)), None]
        y += [*(one.places[row] for one in axes), None]
        names += [*[f"trial {told[row][0].id}"] * len(axes), None]
    best = rows.stop == len(told)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "customdata": names,
        "name": "best quarter" if best else f"quarter {_GROUPS - quarter}",
        "line": {"color": "@0" if best else f"@muted/{0.2 + 0.15 * quarter:.2g}", "width": 1.6},
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _with_axes(drawn: Figure, axes: Sequence[single.Axis]) -> Figure:
    marks = [(i, place, tick) for i, one in enumerate(axes) for place, tick in one.ticks]
    drawn["layout"]["annotations"] = [
        {
            "x": i,
            "y": place,
            "text": text(tick),
            "showarrow": False,
            "xanchor": "left" if i + 1 < len(axes) else "right",
            "xshift": 5 if i + 1 < len(axes) else -5,
            "font": {"size": 11},
        }
        for i, place, tick in marks
    ]
    drawn["layout"]["xaxis"] |= {
        "tickvals": list(range(len(axes))),
        "ticktext": [text(one.name) for one in axes],
        "side": "top",
        "showgrid": True,
        "range": [-0.25, len(axes) - 0.75],
        "tickangle": 0,
    }
    drawn["layout"]["yaxis"] |= {"visible": False, "range": [-0.06, 1.06]}
    return drawn


def trade_off(group: Group, run: RunRecord) -> Figure | None:
    """Return the metric against the second one, and the Pareto set; None: there is no second."""
    params = run.metadata.get("params", {})
    other = params.get("mo_metric") or ""
    sign = -1.0 if params.get("mo_mode") == "max" else 1.0
    points = [
        (report.loss, sign * second, trial.id)
        for trial in run.trials
        for report in trial.reports[-1:]
        if math.isfinite(second := single.number(report.metrics.get(other)))
        and math.isfinite(report.loss)
    ]
    if not other or len(points) < 2:
        return None
    front = single.pareto([(a, b) for a, b, _ in points])
    rest = [i for i in range(len(points)) if i not in set(front)]
    data = []
    for name, rows, ink in (("dominated", rest, "@muted/0.7"), ("Pareto set", front, "@0")):
        data.append(
            {
                "type": "scatter",
                "mode": "markers+lines" if rows is front else "markers",
                "x": [group.metric_of(points[i][0]) for i in rows],
                "y": [sign * points[i][1] for i in rows],
                "text": [f"trial {points[i][2]}" for i in rows],
                "name": name,
                "line": {"color": ink, "width": 1.6, "shape": "hv"},
                "marker": {"color": ink, "size": 9},
                "hovertemplate": "%{text}<br>%{x:.5g}, %{y:.5g}<extra></extra>",
            }
        )
    return figure(data, x=group.metric, y=other, hovermode="closest")
