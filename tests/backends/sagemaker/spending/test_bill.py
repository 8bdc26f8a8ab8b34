from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.backends.sagemaker.spending.bill import GRACE_S, NAME, Bill
from pytest_synebench.backends.sagemaker.spending.prices import Price
from pytest_synebench.backends.sagemaker.statuses import Seen, Standing

A_DOLLAR_A_SECOND = Price(usd=3600.0, source="given")
NOW_S = 1000.0


def bill(folder: Path, **more: Any) -> Bill:
    told = {"price": A_DOLLAR_A_SECOND, "now_s": lambda: NOW_S, **more}
    return Bill(folder, told.pop("price"), **told)


def seen(standing: Standing, at_s: float) -> Seen:
    return Seen(standing=standing, modified_s=at_s)


def test_what_runs_costs_from_when_it_was_seen_on_a_machine(tmp_path: Path) -> None:
    made = bill(tmp_path, instances=2)
    made.saw("a", seen(Standing.WAITING, 900.0))
    assert made.spent_usd == 0.0
    made.saw("a", seen(Standing.PLACED, 990.0))
    made.saw("b", seen(Standing.PLACED, 995.0))
    assert made.spent_usd == 2 * (10.0 + 5.0)
    assert made.committed_usd == made.spent_usd + 2 * 2 * GRACE_S


def test_what_the_service_counts_takes_the_place_of_what_it_seemed(tmp_path: Path) -> None:
    made = bill(tmp_path)
    made.saw("a", seen(Standing.PLACED, 900.0))
    made.saw("a", seen(Standing.ENDED, 990.0))
    assert made.uncounted() == ["a"]
    assert made.spent_usd == 90.0
    made.counted("a", 27)  # a Spot job: the service counts less
    assert made.uncounted() == []
    made.counted("a", 99)
    made.saw("a", seen(Standing.PLACED, 900.0))  # a list that lags
    assert (made.spent_usd, made.committed_usd) == (27.0, 27.0)


def test_a_job_counts_once_over_all_sessions(tmp_path: Path) -> None:
    first = bill(tmp_path)
    first.counted("a", 10)
    first.counted("b", 5)
    first.write()
    first.write()
    first.counted("c", 7)  # the controller dies before that is written down
    first.close()
    second = bill(tmp_path)
    assert second.spent_usd == 15.0
    for name, billable_s in (("a", 10), ("c", 7)):
        second.saw(name, seen(Standing.ENDED, 990.0))
        second.counted(name, billable_s)
    second.write()
    second.close()
    assert bill(tmp_path).spent_usd == 22.0
    assert (tmp_path / NAME).read_bytes().count(b"\n") == 3


def test_the_bound_is_reached_before_it_is_spent(tmp_path: Path) -> None:
    made = bill(tmp_path, max_usd=200.0)
    made.counted("a", 60)
    assert made.exceeded() == ""
    made.saw("b", seen(Standing.PLACED, 980.0))
    assert made.exceeded() == (
        "max_cost of 200 USD reached: 80.00 USD spent, and ending what runs takes up to 120.00 USD"
    )
    done = bill(tmp_path, max_usd=60.0)
    done.counted("a", 60)
    assert done.exceeded() == "max_cost of 60 USD reached: 60.00 USD spent"
    assert bill(tmp_path).exceeded() == ""


def test_what_it_costs_is_told_with_its_price(tmp_path: Path) -> None:
    made = bill(tmp_path, max_usd=200.0, instances=2)
    made.counted("a", 60)
    assert made.short() == "120.00 USD of 200"
    assert made.words() == (
        "120.00 USD, of at most 200: 120 s billed, 3600 USD an instance and hour (given)"
    )


def test_without_a_price_nothing_is_made_up(tmp_path: Path) -> None:
    made = bill(tmp_path, price=None)
    made.counted("a", 60)
    assert (made.short(), made.spent_usd) == ("", 0.0)
    assert "--instance_price" in made.words()


@pytest.mark.parametrize("torn", [b"", b'{"job": "b", "bill'])
def test_what_a_crash_left_of_a_line_is_left_out(tmp_path: Path, torn: bytes) -> None:
    made = bill(tmp_path)
    made.counted("a", 10)
    made.write()
    made.close()
    with (tmp_path / NAME).open("ab") as file:
        file.write(torn)
    assert bill(tmp_path).spent_usd == 10.0
