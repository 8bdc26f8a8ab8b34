from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_plan import toy_plan

from pytest_synebench.backends.local.machine import Machine
from pytest_synebench.clock import VirtualClock
from pytest_synebench.errors import UsageError
from pytest_synebench.events import Reported, SlotFreed, Start
from pytest_synebench.experiment.assembly import (
    Site,
    build_backend,
    build_scheduler,
    capacity,
    slots,
    threads_per_trial,
)
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.schedulers import catalog as schedulers
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.searchers import catalog as searchers
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace
from pytest_synebench.testing.strategies import LOSSES
from pytest_synebench.trial import Report, TrialId

COST = {"cost_attr": "seconds"}  #: what some schedulers need


def first_configs(scheduler: Scheduler, count: int = 3) -> list[object]:
    out: list[object] = []
    for _ in range(count):
        (decision,) = scheduler.handle(SlotFreed(at_s=0.0))
        assert isinstance(decision, Start)
        out.append(decision.config)
    return out


@settings(max_examples=20)
@pytest.mark.parametrize("name", [*schedulers.NAMES, *schedulers.ALIASES])
@given(losses=st.lists(LOSSES, max_size=12), seed=st.integers(0, 9))
def test_equal_plans_give_schedulers_that_decide_equally(
    tmp_path_factory: pytest.TempPathFactory, name: str, losses: list[float], seed: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    one, two = (
        build_scheduler(toy_plan(folder, scheduler=name, random_seed_offset=seed, fields=COST))
        for _ in range(2)
    )
    for i, loss in enumerate(losses):
        slot = SlotFreed(at_s=float(i))
        decisions = one.handle(slot)
        assert two.handle(slot) == decisions
        for decision in decisions:
            if not isinstance(decision, Start):
                continue
            level = 1 if decision.checkpoint is None else decision.until or 9
            report = Report(trial_id=decision.trial_id, resource=level, loss=loss, at_s=float(i))
            event = Reported(report=report)
            assert two.handle(event) == one.handle(event)


def test_runs_with_equal_run_ids_start_from_equal_configs(tmp_path: Path) -> None:
    configs = {
        name: first_configs(
            build_scheduler(toy_plan(tmp_path, scheduler=name, run_id=2, fields=COST))
        )
        for name in schedulers.NAMES
    }
    assert all(found == configs["fifo"] for found in configs.values())
    other = first_configs(build_scheduler(toy_plan(tmp_path, run_id=3)))
    assert other[0] == configs["fifo"][0]  # the midpoint comes first, whatever the seed
    assert other[1:] != configs["fifo"][1:]


def test_the_users_points_come_before_the_benchmarks(tmp_path: Path) -> None:
    fields = {"points_to_evaluate": [{"lr": 3.0}]}
    theirs = build_scheduler(toy_plan(tmp_path, fields=fields))
    assert first_configs(theirs, 1) == [{"lr": 3.0}]
    users = build_scheduler(
        toy_plan(tmp_path, fields=fields, points_to_evaluate=[{"lr": 4.0}, {"lr": 5.0}])
    )
    assert first_configs(users, 2) == [{"lr": 4.0}, {"lr": 5.0}]
    none = build_scheduler(toy_plan(tmp_path, fields=fields, points_to_evaluate=[]))
    assert first_configs(none, 1) != [{"lr": 3.0}]


@pytest.mark.parametrize("name", ["asha_stopping", "hyperband_promotion"])
@pytest.mark.parametrize(
    ("fields", "way_out"),
    [
        ({"resource_attr": None, "max_resource_attr": None}, "the benchmark has no resource_attr"),
        ({"max_resource_attr": None}, "set max_resource_attr or give --max_resource_level"),
    ],
)
def test_a_scheduler_that_the_benchmark_cannot_feed_is_refused_by_name(
    tmp_path: Path, name: str, fields: dict[str, Any], way_out: str
) -> None:
    plan = toy_plan(tmp_path, scheduler=name, fields=fields)
    with pytest.raises(UsageError, match=f"^{plan.scheduler} .*{way_out}"):
        build_scheduler(plan)


def test_a_population_without_checkpoints_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pbt starts trials from the checkpoints of others, and"):
        build_scheduler(toy_plan(tmp_path, scheduler="pbt", checkpointing="off"))


def test_the_levels_of_the_plan_are_the_schedulers(tmp_path: Path) -> None:
    def levels(**params: Any) -> tuple[int, ...]:
        return build_scheduler(toy_plan(tmp_path, scheduler="asha_promotion", **params)).levels

    assert set(levels()) - {9} == {1, 3}
    assert set(levels(grace_period=2, reduction_factor=2)) - {9} == {2, 4, 8}
    assert set(levels(rung_levels=[2, 5])) - {9} == {2, 5}


def test_the_backend_is_the_runs_own_and_ends_with_it(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path)
    backend = build_backend(
        plan,
        tmp_path,
        VirtualClock(),
        Site(machine=Machine(processors=4)),
        lambda _: None,
        lambda: Ledger(tmp_path),
    )
    assert backend.poll(0.0) == []
    backend.close()
    backend.close()
    assert backend.poll(0.0) == []


FEWER = "4 workers asked, 2 run at once: this machine has 2 processors (--oversubscribe 1 lifts it)"


def test_the_tuner_has_no_more_slots_than_the_machine_has_room(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path, num_workers=4)
    assert slots(plan, Machine(processors=2)) == (2, FEWER)
    assert slots(plan, Machine(processors=8)) == (4, "")
    assert slots(plan, Machine(processors=8, gpus=("0", "1", "2")))[0] == 3
    assert capacity(plan, Machine(processors=2)) is None


def test_in_deterministic_mode_the_slots_are_those_asked_for_and_the_machine_bounds_processes(
    tmp_path: Path,
) -> None:
    plan = toy_plan(tmp_path, num_workers=4, deterministic=True)
    assert slots(plan, Machine(processors=2)) == (4, FEWER)
    assert capacity(plan, Machine(processors=2)) == 2
    assert capacity(plan, Machine(processors=4)) is None


def test_the_processors_are_shared_by_the_trials_that_run_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    plan = toy_plan(tmp_path, num_workers=8)
    assert threads_per_trial(plan, Machine(processors=2)) == 1
    assert threads_per_trial(plan, Machine(processors=17)) == 2
    # Two GPUs let two trials run: each has half of the processors, not an eighth.
    assert threads_per_trial(plan, Machine(processors=16, gpus=("0", "1"))) == 8
    crowded = toy_plan(tmp_path, num_workers=8, oversubscribe=True)
    assert threads_per_trial(crowded, Machine(processors=2)) == 1


def test_threads_that_were_asked_for_or_set_in_the_environment_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads_per_trial(toy_plan(tmp_path), Machine(processors=64)) is None
    asked = toy_plan(tmp_path, threads_per_trial=5)
    assert threads_per_trial(asked, Machine(processors=64)) == 5


def test_trials_are_told_apart_in_every_scheduler(tmp_path: Path) -> None:
    for name in schedulers.NAMES:
        scheduler = build_scheduler(toy_plan(tmp_path, scheduler=name, fields=COST))
        ids = [scheduler.handle(SlotFreed(at_s=0.0))[0].trial_id for _ in range(3)]
        assert ids == [TrialId(0), TrialId(1), TrialId(2)]


def test_arguments_of_the_searcher_reach_it(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path, searcher="grid", searcher_num_samples=2, searcher_shuffle=False)
    scheduler = build_scheduler(plan)
    assert first_configs(scheduler)[1:] == [{"lr": 1.0}, {"lr": 50.0}]


@pytest.mark.parametrize(
    ("searcher", "missing"),
    [("bayesopt_constrained", "constraint_attr"), ("bayesopt_cost", "cost_model")],
)
def test_a_searcher_that_the_benchmark_cannot_feed_makes_no_plan(
    tmp_path: Path, searcher: str, missing: str
) -> None:
    with pytest.raises(UsageError, match=f"searcher {searcher} needs {missing}, "):
        toy_plan(tmp_path, searcher=searcher)


def test_an_alias_stands_in_the_setup_as_what_it_is(tmp_path: Path) -> None:
    assert toy_plan(tmp_path, searcher="bayesopt").setup == toy_plan(tmp_path, searcher="gp").setup


@pytest.mark.parametrize(
    ("params", "fraction"),
    [
        ({"scheduler": "fifo"}, 0.0),
        ({"scheduler": "asha_promotion"}, 1 / 3),
        ({"scheduler": "hyperband_stopping"}, 1 / 3),
        ({"scheduler": "fifo", "searcher_random_fraction": 0.5}, 0.5),
        ({"scheduler": "asha_promotion", "searcher_random_fraction": 0.0}, 0.0),
    ],
)
def test_a_model_has_the_share_of_random_configs_of_bohb_where_levels_are_low(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: dict[str, Any], fraction: float
) -> None:
    given: list[float] = []

    def build(*_: object, random_fraction: float, **more: object) -> RandomSearch:
        given.append(random_fraction)
        return RandomSearch(ConfigSpace({}), seed=0)

    monkeypatch.setattr(searchers, "build", build)
    build_scheduler(toy_plan(tmp_path, searcher="tpe", **params))
    assert given == [fraction]
