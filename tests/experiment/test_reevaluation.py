"""The best config of a run, trained anew: with which seeds, and what of it counts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from toy_plan import toy_plan

from pytest_synebench.blackboxes.protocol import Mode, Point
from pytest_synebench.errors import RunError, UsageError
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.reevaluation import check, plans, reevaluate
from pytest_synebench.experiment.run import Run
from pytest_synebench.experiment.store.results import RunRecord, load_runs
from pytest_synebench.space import ConfigSpace, keyed_random, uniform
from pytest_synebench.trial import Config, TrialId


class Noisy:
    """The loss of a config is its x, and noise of its own at each of three levels."""

    seeds = 2**30
    last_level = 3

    def __init__(self, sd: float = 1.0) -> None:
        self.metrics: dict[str, Mode] = {"loss": "min"}
        self._sd = sd

    def curve(self, config: Config, seed: int) -> Iterator[Point]:
        for level in (1, 2, 3):
            noise = self._sd * keyed_random(seed, level, config["x"]).gauss(0, 1)
            yield Point(level, float(level), {"loss": float(str(config["x"])) + noise})

    def space(self, asked: ConfigSpace) -> ConfigSpace:
        return asked

    def remark(self, metric: str) -> str:
        return ""


def plan(folder: Path, blackbox: Noisy | None = None, **params: Any) -> Plan:
    fields: dict[str, Any] = {
        "config_space": {"x": uniform(0, 1), "epochs": 3},
        "blackbox": blackbox or Noisy(),
        "scores": {"reevaluated:5": "min"},
    }
    chosen: dict[str, Any] = {"backend": "simulated", "num_trials": 6, "num_workers": 2} | params
    return toy_plan(folder, fields=fields, run_id=chosen.pop("run_id", 0), **chosen)


def make(one: Plan, root: Path, **options: Any) -> Path:
    run = Run.open(one, root=root, **options)
    while not run.done:
        run.pump(0.2)
    run.close()
    return run.directory


def refuse(one: Plan, root: Path) -> Path:
    raise AssertionError(f"{one.name} is trained in {root}")


def read(directory: Path) -> RunRecord:
    [run] = load_runs(directory)
    return run


def test_no_training_shares_a_seed_with_the_run_or_with_another(tmp_path: Path) -> None:
    seen: list[int] = []
    for run_id in range(3):
        one = plan(tmp_path, run_id=run_id, random_seed_offset=7)
        seen += [one.trial_seed(TrialId(i)) for i in range(6)]
        again = plans(one, {"x": 0.5}, 4)
        assert [other.num_trials for other in again] == [1] * 4
        seen += [other.trial_seed(TrialId(0)) for other in again]
        assert plans(one, {"x": 0.5}, 4) == again, "they can be repeated"
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("scheduler", ["fifo", "asha_promotion", "synchronous_hyperband"])
def test_what_counts_is_the_value_where_the_run_was_best(tmp_path: Path, scheduler: str) -> None:
    one = plan(tmp_path, scheduler=scheduler, target_value=-9.0, results="local")
    directory = make(one, tmp_path / "root")
    before = read(directory)
    assert before.reevaluated == ()
    said: list[str] = []
    reevaluate(one, directory, 5, make=make, say=said.append)

    run, trained = read(directory), load_runs(directory / "reevaluated")
    assert before.best_report is not None
    level = before.best_report.resource
    curves = [[report.loss for report in of.trials[0].reports] for of in trained]
    assert [len(curve) for curve in curves] == [3] * 5
    assert sorted(run.reevaluated) == sorted(curve[level - 1] for curve in curves)
    assert any(curve[level - 1] > min(curve) for curve in curves), "the best is not what counts"
    assert {tuple(of.trials[0].config.items()) for of in trained} == {
        tuple((run.best_config or {}).items())
    }
    assert len(load_runs(tmp_path / "root")) == 1, "they are no runs of the setup"
    assert said == []


def test_a_training_that_diverges_counts_as_not_measured(tmp_path: Path) -> None:
    one = plan(tmp_path)
    directory = make(one, tmp_path / "root")

    def diverging(other: Plan, root: Path) -> Path:
        worse = replace(other.definition, blackbox=Noisy(math.nan))
        return make(replace(other, definition=worse), root)

    reevaluate(one, directory, 2, make=diverging, say=print)
    assert all(math.isnan(loss) for loss in read(directory).reevaluated)
    assert len(read(directory).reevaluated) == 2


def test_what_was_trained_is_not_trained_again(tmp_path: Path) -> None:
    one = plan(tmp_path)
    directory = make(one, tmp_path / "root")
    reevaluate(one, directory, 2, make=make, say=print)
    reevaluate(one, directory, 2, make=refuse, say=print)
    reevaluate(one, directory, 0, make=refuse, say=print)


def test_another_best_config_is_trained(tmp_path: Path) -> None:
    points = [{"x": 0.9}, {"x": 0.1}]
    one, more = (
        plan(tmp_path, Noisy(0.0), points_to_evaluate=points, num_trials=trials)
        for trials in (1, 2)
    )
    directory = make(one, tmp_path / "root")
    reevaluate(one, directory, 2, make=make, say=print)
    assert read(directory).reevaluated == (0.9, 0.9)
    assert make(more, tmp_path / "root", resume=True) == directory
    assert read(directory).reevaluated == (), "it was another config's"
    reevaluate(more, directory, 2, make=make, say=print)
    assert read(directory).reevaluated == (0.1, 0.1)


def test_a_run_that_measured_nothing_has_no_config_to_train(tmp_path: Path) -> None:
    one = plan(tmp_path, Noisy(math.nan))
    directory = make(one, tmp_path / "root")
    reevaluate(one, directory, 2, make=refuse, say=print)
    assert read(directory).reevaluated == ()


def test_a_training_that_is_broken_off_is_an_error(tmp_path: Path) -> None:
    one = plan(tmp_path)
    directory = make(one, tmp_path / "root")

    def broken(other: Plan, root: Path) -> Path:
        run = Run.open(other, root=root)
        run.close()
        return run.directory

    with pytest.raises(RunError, match="the best config could not be trained anew: interrupted"):
        reevaluate(one, directory, 2, make=broken, say=print)
    assert read(directory).reevaluated == ()


def test_the_last_config_of_a_schedule_is_not_trained_alone(tmp_path: Path) -> None:
    check(plan(tmp_path, scheduler="asha_promotion"))
    with pytest.raises(UsageError, match=r"toy is judged by its best config .* 'incumbent:KEY'"):
        check(plan(tmp_path, scheduler="pbt"))
