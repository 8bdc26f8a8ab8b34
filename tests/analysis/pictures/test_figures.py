from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from pictured_runs import HOSTILE, RUNS, Trials, record

from pytest_synebench.analysis.pictures import figures, run_figures
from pytest_synebench.analysis.pictures.bands import by_units
from pytest_synebench.analysis.pictures.comparing import standings
from pytest_synebench.analysis.pictures.grouping import groups
from pytest_synebench.analysis.pictures.ink import resolved
from pytest_synebench.experiment.store.results import RunRecord

TWO: Trials = [({"x": 1.0}, [5.0]), ({"x": 2.0}, [4.0, 2.0])]


def drawn(runs: list[RunRecord]) -> dict[str, Any]:
    """Return every figure there is of some runs."""
    every = groups(runs)
    curves: dict[str, dict[str, list[Any]]] = {}
    out: dict[str, Any] = {}
    for number, group in enumerate(every):
        run = group.runs[0]
        out |= {
            f"units {number}": figures.incumbents([group], "units"),
            f"time {number}": figures.incumbents([group], "time"),
            f"history {number}": figures.history([group]),
            f"learning {number}": run_figures.learning(group, run),
            f"rungs {number}": run_figures.rungs(group, run),
            f"important {number}": run_figures.important(run_figures.importances(run)),
            f"parallel {number}": run_figures.parallel(group, run),
            f"trade-off {number}": run_figures.trade_off(group, run),
        }
        of_runs = [by_units(one.trials) for one in group.runs]
        curves.setdefault(group.benchmark, {}).setdefault(group.label, []).extend(of_runs)
    found = standings(curves)
    out |= {what: figures.standing(found, what) for what in ("regret", "rank")}
    return {name: one for name, one in out.items() if one is not None}


@settings(max_examples=15, deadline=None)
@given(runs=RUNS)
def test_plotly_takes_every_figure_whatever_the_names_are(runs: list[RunRecord]) -> None:
    graph_objects = pytest.importorskip("plotly.graph_objects", reason="needs the extra 'report'")
    for name, one in drawn(runs).items():
        made = graph_objects.Figure(resolved(one))
        assert made.data, name
        assert "<script" not in repr(one)


def test_the_numbers_drawn_have_the_users_sign() -> None:
    runs = [record(TWO, mode="max"), record([({"x": 1.0}, [9.0])], mode="max", run_id=1)]
    (group,) = groups(runs)
    made = figures.incumbents([group], "units")
    assert made is not None
    low, high, middle = made["data"]
    # Losses 5, 4, 2 and 9: the metric is their negative, and the mean of two is of both.
    assert (middle["x"], middle["y"]) == ([1.0, 2.0, 3.0], [-7.0, -6.5, -5.5])
    assert (low["y"][0], high["y"][0]) == (-5.0, -9.0)
    curves = run_figures.learning(group, runs[0])
    assert curves is not None
    assert curves["data"][-1]["y"][:2] == [-4.0, -2.0]
    assert curves["data"][-1]["name"] == "best: trial 1"


def test_there_is_a_curve_per_setup_and_a_band_where_there_are_several_runs() -> None:
    runs = [record(TWO, setup=s, run_id=i) for s in ("base-a", "base-b") for i in range(2)]
    made = figures.incumbents(groups(runs), "units")
    assert made is not None
    assert [one["name"] for one in made["data"] if one.get("showlegend", True)] == [
        "base-a (2 runs)",
        "base-b (2 runs)",
    ]
    assert sum(one.get("fill") == "tonexty" for one in made["data"]) == 2


def test_a_trade_off_marks_what_nothing_beats() -> None:
    runs = [record([({}, [3.0]), ({}, [2.0]), ({}, [1.0])], mo_metric="size")]
    (group,) = groups(runs)
    made = run_figures.trade_off(group, runs[0])
    assert made is not None
    # Sizes are 0, 1, 2: all three are worth something; with the size to be had large, one.
    assert len(made["data"][1]["x"]) == 3
    runs = [record([({}, [3.0]), ({}, [2.0]), ({}, [1.0])], mo_metric="size", mo_mode="max")]
    made = run_figures.trade_off(group, runs[0])
    assert made is not None
    assert (made["data"][1]["x"], made["data"][1]["y"]) == ([1.0], [2.0])


def test_nothing_is_drawn_where_there_is_nothing() -> None:
    assert drawn([record([])]) == {}
    assert drawn([record([({"x": 1.0}, [float("nan")])])]) == {}


def test_hostile_names_are_text() -> None:
    runs = [record([({HOSTILE: float(i)}, [float(i)]) for i in range(9)], setup=HOSTILE)]
    told = repr(drawn(runs))
    assert "<script" not in told
    assert "%{x}@0" not in told
