"""Figures of setups: their incumbents, how they stand, and what became of them over time.

Plain data that plotly takes: ``plotly.graph_objects.Figure(resolved(figure))``.

Invariants (tests/analysis/pictures/test_figures.py):
- plotly takes every figure, whatever the names and numbers of the runs are;
- the numbers drawn are those prepared, with the user's sign.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pytest_synebench.analysis.pictures.bands import Band, Steps, band, by_time, by_units
from pytest_synebench.analysis.pictures.comparing import SHARES, Standing
from pytest_synebench.analysis.pictures.grouping import Group
from pytest_synebench.analysis.pictures.ink import Figure, colour, text

_AXES: dict[str, Callable[..., Steps]] = {"units": by_units, "time": by_time}


def figure(data: list[Figure], *, x: str, y: str, **layout: Any) -> Figure:
    """Return a figure with titles at its axes; more of the layout may be given."""
    return {
        "data": data,
        "layout": {
            "xaxis": {"title": {"text": text(x)}, **layout.pop("xaxis", {})},
            "yaxis": {"title": {"text": text(y)}, **layout.pop("yaxis", {})},
            **layout,
        },
    }


def incumbents(groups: Sequence[Group], over: str) -> Figure | None:
    """Return the incumbents of a benchmark's setups; None: nothing was measured.

    Args:
        groups: of one benchmark.
        over: ``units`` or ``time``.
    """
    data: list[Figure] = []
    for number, group in enumerate(groups):
        found = band([_AXES[over](run.trials) for run in group.runs])
        if found is not None:
            data += _band(found, group, number)
    if not data:
        return None
    one = groups[0]
    seconds = "seconds, virtual" if any(group.virtual for group in groups) else "seconds"
    x = seconds if over == "time" else f"{one.unit}s, over all trials"
    return figure(data, x=x, y=f"best {one.metric}", xaxis={"rangemode": "tozero"})


def _band(found: Band, group: Group, number: int) -> list[Figure]:
    name, key = text(group.setup), f"g{number}"
    runs = f"{found.runs} run" + "s" * (found.runs > 1)
    middle, low, high = (
        [group.metric_of(value) for value in values]
        for values in (found.middle, found.low, found.high)
    )
    line = {"color": colour(number), "width": 2.5, "shape": "hv"}
    hover = f"%{{y:.5g}} at %{{x:.5g}}<extra>{name}, {runs}</extra>"
    drawn: Figure = {
        "type": "scatter",
        "mode": "lines" if len(middle) > 1 else "markers",
        "x": found.x,
        "y": middle,
        "name": f"{name} ({runs})",
        "legendgroup": key,
        "line": line,
        "hovertemplate": hover,
    }
    if found.runs < 2:
        return [drawn]
    edge = {
        "type": "scatter",
        "mode": "lines",
        "x": found.x,
        "line": {"width": 0, "shape": "hv"},
        "legendgroup": key,
        "showlegend": False,
        "hoverinfo": "skip",
    }
    shade = {"fill": "tonexty", "fillcolor": colour(number, 0.18)}
    return [{**edge, "y": low}, {**edge, "y": high, **shade}, drawn]


def standing(found: Mapping[str, Standing], what: str) -> Figure | None:
    """Return regret or rank over the share of the budget; None: nothing stands against another.

    Args:
        found: by label of the setup.
        what: ``regret`` or ``rank``.
    """
    if not found:
        return None
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": (100 * SHARES).round(2).tolist(),
            "y": getattr(one, what),
            "name": text(label),
            "line": {"color": colour(number), "width": 2.5},
            "hovertemplate": f"%{{y:.3f}} at %{{x:.0f}} &#37;<extra>{text(label)}</extra>",
        }
        for number, (label, one) in enumerate(found.items())
    ]
    y = {"regret": "normalised regret", "rank": "mean rank"}[what]
    way = {"rank": {"autorange": "reversed"}, "regret": {"rangemode": "tozero"}}[what]
    return figure(data, x="% of the budget", y=y, yaxis=way)


def history(groups: Sequence[Group]) -> Figure | None:
    """Return the best value of each run against the day it began; None: there is one run only."""
    data = []
    for number, group in enumerate(groups):
        told = [(run.began, run.best, run) for run in group.every]
        points = [
            (began.isoformat(), best.get(group.metric), run)
            for began, best, run in told
            if began is not None and best is not None
        ]
        if points:
            data.append(_points(group, number, points))
    if sum(len(one["x"]) for one in data) < 2:
        return None
    return figure(
        data, x="", y=f"best {groups[0].metric}", xaxis={"type": "date"}, hovermode="closest"
    )


def _points(group: Group, number: int, points: Sequence[tuple[str, Any, Any]]) -> Figure:
    name = text(group.setup)
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [began for began, _, _ in points],
        "y": [best for _, best, _ in points],
        "text": [
            f"run id {text(run.metadata.get('run_id'))} {text(run.metadata.get('commit') or '')}"
            for _, _, run in points
        ],
        "name": name,
        "marker": {
            "color": colour(number),
            "size": 9,
            "opacity": 0.85,
            "symbol": ["circle" if run.finished else "circle-open" for _, _, run in points],
        },
        "hovertemplate": f"%{{y:.5g}}<br>%{{x}}<br>%{{text}}<extra>{name}</extra>",
    }
