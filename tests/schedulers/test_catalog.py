from __future__ import annotations

import pytest

from pytest_synebench.errors import UsageError
from pytest_synebench.schedulers.asha_promotion import AshaPromotion
from pytest_synebench.schedulers.asha_stopping import AshaStopping
from pytest_synebench.schedulers.catalog import ALIASES, NAMES, build
from pytest_synebench.schedulers.fifo import Fifo
from pytest_synebench.schedulers.protocol import Scheduler

from .by_hand import FREE, Numbered, start


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("fifo", Fifo),
        ("asha_stopping", AshaStopping),
        ("asha_promotion", AshaPromotion),
        ("hyperband_stopping", AshaStopping),
        ("hyperband_promotion", AshaPromotion),
    ],
)
def test_each_name_gives_its_scheduler(name: str, kind: type[Scheduler]) -> None:
    assert name in NAMES or ALIASES[name] in NAMES
    made = build(name, searcher=Numbered(), resource_attr="epoch", max_resource=9)
    assert type(made) is kind


@pytest.mark.parametrize("name", ["asha_stopping", "asha_promotion"])
def test_levels_come_from_grace_period_and_factor_or_from_the_list(name: str) -> None:
    def levels(**arguments: object) -> tuple[int, ...]:
        given = {"resource_attr": "epoch", "max_resource": 81, **arguments}
        return build(name, searcher=Numbered(), **given).levels  # type: ignore[arg-type] # a table

    assert levels() == (1, 3, 9, 27)
    assert levels(min_resource=2, reduction_factor=4) == (2, 8, 32)
    assert levels(rung_levels=[5, 20]) == (5, 20)
    assert levels(rung_levels=[5, 81], min_resource=99) == (5,)


def test_fifo_runs_to_the_last_level_where_levels_are_counted() -> None:
    assert build("fifo", searcher=Numbered()).handle(FREE) == start(0, None)
    counted = build("fifo", searcher=Numbered(), resource_attr="epoch", max_resource=9)
    assert counted.handle(FREE) == start(0, 9)
    uncounted = build("fifo", searcher=Numbered(), max_resource=9)
    assert uncounted.handle(FREE) == start(0, None)


def test_a_misspelt_name_is_refused_with_the_nearest() -> None:
    text = (
        "no scheduler is called 'asha_promotoin'; known: fifo, asha_stopping, asha_promotion. "
        "Did you mean 'asha_promotion'\\?"
    )
    with pytest.raises(UsageError, match=text):
        build("asha_promotoin", searcher=Numbered())


def test_a_name_like_no_other_is_refused_without_a_guess() -> None:
    with pytest.raises(UsageError, match=r"called 'qqq'; known: fifo, .*asha_promotion$"):
        build("qqq", searcher=Numbered())


@pytest.mark.parametrize("name", ["asha_stopping", "asha_promotion"])
def test_a_benchmark_without_levels_is_refused_by_name(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} .* has no resource_attr; .*--scheduler fifo"):
        build(name, searcher=Numbered(), max_resource=9)
    with pytest.raises(
        UsageError, match=f"{name} .* the benchmark has none; set max_resource_attr"
    ):
        build(name, searcher=Numbered(), resource_attr="epoch")


@pytest.mark.parametrize("name", ["asha_stopping", "asha_promotion"])
def test_a_bad_factor_is_refused_with_listed_levels_too(name: str) -> None:
    with pytest.raises(UsageError, match="reduction_factor is 1; "):
        build(
            name,
            searcher=Numbered(),
            resource_attr="epoch",
            max_resource=9,
            reduction_factor=1,
            rung_levels=[1, 3],
        )
