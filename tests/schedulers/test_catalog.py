from __future__ import annotations

from typing import Any

import pytest
from by_hand import FREE, Numbered, start

from pytest_synebench.errors import UsageError
from pytest_synebench.schedulers import catalog
from pytest_synebench.schedulers.arguments import Arguments
from pytest_synebench.schedulers.catalog import ALIASES, NAMES
from pytest_synebench.schedulers.fifo import Fifo
from pytest_synebench.schedulers.halving.asha_cost_promotion import AshaCostPromotion
from pytest_synebench.schedulers.halving.asha_promotion import AshaPromotion
from pytest_synebench.schedulers.halving.asha_stopping import AshaStopping
from pytest_synebench.schedulers.halving.pasha import Pasha
from pytest_synebench.schedulers.halving.synchronous_hyperband import SynchronousHyperband
from pytest_synebench.schedulers.median_stopping import MedianStopping
from pytest_synebench.schedulers.pareto.mo_asha import MoAsha
from pytest_synebench.schedulers.pausing import Pausing
from pytest_synebench.schedulers.population.pbt import Pbt
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.space import ConfigSpace, uniform

NEED_LEVELS = [name for name in NAMES if name != "fifo"]


def build(name: str, **given: Any) -> Scheduler:
    return catalog.build(name, Arguments(searcher=Numbered(), **given))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("fifo", Fifo),
        ("asha_stopping", AshaStopping),
        ("asha_promotion", AshaPromotion),
        ("asha_cost_promotion", AshaCostPromotion),
        ("pasha", Pasha),
        ("synchronous_hyperband", SynchronousHyperband),
        ("median_stopping", MedianStopping),
        ("hyperband_cost_promotion", AshaCostPromotion),
        ("hyperband_pasha", Pasha),
        ("hyperband_synchronous", SynchronousHyperband),
        ("mo_asha", MoAsha),
        ("pbt", Pbt),
        ("pausing", Pausing),
        ("hyperband_stopping", AshaStopping),
        ("hyperband_promotion", AshaPromotion),
    ],
)
def test_each_name_gives_its_scheduler(name: str, kind: type[Scheduler]) -> None:
    assert name in NAMES or ALIASES[name] in NAMES
    space = ConfigSpace({"x": uniform(0, 1)})
    made = build(name, resource_attr="epoch", max_resource=9, cost_attr="seconds", space=space)
    assert type(made) is kind


@pytest.mark.parametrize("name", ["asha_stopping", "asha_promotion"])
def test_levels_come_from_grace_period_and_factor_or_from_the_list(name: str) -> None:
    def levels(**given: Any) -> tuple[int, ...]:
        return build(name, **{"resource_attr": "epoch", "max_resource": 81, **given}).levels

    assert levels() == (1, 3, 9, 27)
    assert levels(min_resource=2, reduction_factor=4) == (2, 8, 32)
    assert levels(rung_levels=[5, 20]) == (5, 20)
    assert levels(rung_levels=[5, 81], min_resource=99) == (5,)


def test_fifo_runs_to_the_last_level_where_levels_are_counted() -> None:
    assert build("fifo").handle(FREE) == start(0, None)
    counted = build("fifo", resource_attr="epoch", max_resource=9)
    assert counted.handle(FREE) == start(0, 9)
    uncounted = build("fifo", max_resource=9)
    assert uncounted.handle(FREE) == start(0, None)


def test_a_misspelt_name_is_refused_with_the_nearest() -> None:
    text = (
        "no scheduler is called 'asha_promotoin'; known: fifo, asha_stopping, asha_promotion, .*"
        "Did you mean 'asha_promotion'\\?"
    )
    with pytest.raises(UsageError, match=text):
        build("asha_promotoin")


def test_a_name_like_no_other_is_refused_without_a_guess() -> None:
    with pytest.raises(UsageError, match=r"called 'qqq'; known: fifo, .*hyperband_synchronous\.$"):
        build("qqq")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("raytune_fifo", "Ray Tune's schedulers are not run here: choose fifo"),
        ("raytune_hyperband", "are not run here: choose asha_stopping, the rule of Ray Tune's"),
        ("raytune_pbt2", "are not run here: choose one of those"),
        ("fifo_synchronous", "Choose fifo: a slot that frees gets its next trial at once"),
        ("raytune_fifo_synchronous", "choose fifo: a slot that frees gets its next trial at once"),
        ("raytune_median_stopping", "choose median_stopping"),
        ("asha", "Choose asha_promotion, or asha_stopping for scripts that have no checkpoints"),
        ("SyncBOHB", "Choose synchronous_hyperband with --searcher tpe"),
        ("successive-halving", "Choose synchronous_hyperband with --brackets 1"),
        ("MOASHA", "Choose mo_asha"),
        ("rush_stopping", "Choose asha_stopping, with the best configs of earlier tasks as points"),
        ("bayesopt", "bayesopt is a searcher: choose --searcher bayesopt, with --scheduler fifo"),
        ("external", "external is a searcher"),
    ],
)
def test_a_name_of_the_family_that_is_none_here_says_what_replaces_it(
    name: str, words: str
) -> None:
    with pytest.raises(UsageError, match=f"no scheduler is called '{name}'; known: .*{words}"):
        build(name)


@pytest.mark.parametrize("name", NEED_LEVELS)
def test_a_benchmark_without_levels_is_refused_by_name(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} .* has no resource_attr; .*--scheduler fifo"):
        build(name, max_resource=9)
    with pytest.raises(
        UsageError, match=f"{name} .* the benchmark has none; set max_resource_attr"
    ):
        build(name, resource_attr="epoch")


def test_a_benchmark_without_costs_is_refused_by_what_shares_them_out() -> None:
    with pytest.raises(UsageError, match=r"asha_cost_promotion .* has no cost_attr; .*_promotion$"):
        build("asha_cost_promotion", resource_attr="epoch", max_resource=9)


def test_a_second_metric_that_nothing_names_is_asked_for() -> None:
    with pytest.raises(UsageError, match=r"mo_asha .* neither cost_attr nor elapsed_time_attr; "):
        build("mo_asha", resource_attr="epoch", max_resource=9)
    for given in ({"mo_metric": "size"}, {"elapsed_time_attr": "seconds"}):
        build("mo_asha", resource_attr="epoch", max_resource=9, **given)
    assert catalog.second_metric("size", "cost", "time") == "size"
    assert catalog.second_metric(None, "cost", "time") == "cost"


@pytest.mark.parametrize("name", ["asha_stopping", "asha_promotion"])
def test_a_bad_factor_is_refused_with_listed_levels_too(name: str) -> None:
    with pytest.raises(UsageError, match="reduction_factor is 1; "):
        build(name, resource_attr="epoch", max_resource=9, reduction_factor=1, rung_levels=[1, 3])
