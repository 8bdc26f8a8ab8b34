"""A tolerance as a share of what tuning gains over random search: worked by hand."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_synebench.analysis.baselines import Entry
from pytest_synebench.analysis.tolerances import in_units
from pytest_synebench.errors import UsageError

NAN = float("nan")


def entry(searcher: str, *finals: float, **params: Any) -> Entry:
    told = {"scheduler": "fifo", "searcher": searcher, "searcher_num_init_random": 3, **params}
    problem = {"benchmark": "toy", "variant": "v", "setup": f"v-fifo-{searcher}", "params": told}
    runs = {str(i): {"seed": i, "final": loss, "area": loss} for i, loss in enumerate(finals)}
    return Entry({"problem": problem, "runs": runs})


MODEL = entry("bayesopt", 1.0, 2.0, 3.0, searcher_num_init_random=5)
RANDOM = entry("random", 5.0, 6.0, 7.0)


def share(tolerance: float | str | None, *others: Entry, of: Entry = MODEL) -> float:
    entries = {str(i): one for i, one in enumerate((of, *others))}
    return in_units(tolerance, of, entries, "toy::v")


def test_a_number_is_one_of_units() -> None:
    assert share(0.25) == 0.25
    assert share(None) == 0.0


def test_a_share_is_one_of_the_gap_to_random_search() -> None:
    assert share("10%", RANDOM) == pytest.approx(0.4)
    assert share("2.5%", RANDOM) == pytest.approx(0.1)


@pytest.mark.parametrize("random", [(1.0, 2.0, 2.0), (1.0, 1.0, 1.0), (NAN, NAN, 1.0)])
def test_where_random_search_is_as_good_or_fails_nothing_is_put_up_with(
    random: tuple[float, ...],
) -> None:
    assert share("10%", entry("random", *random)) == 0.0


@pytest.mark.parametrize(
    "other",
    [
        entry("sobol", 5.0, 6.0, 7.0),
        entry("random", 5.0, 6.0, 7.0, scheduler="asha_promotion"),
        entry("random", 5.0, 6.0, 7.0, num_trials=3),
    ],
)
def test_only_the_same_problem_searched_at_random_will_do(other: Entry) -> None:
    with pytest.raises(UsageError, match=r"no random search of it; save one .* --searcher random"):
        share("10%", other)


def test_random_search_has_no_share_of_itself() -> None:
    with pytest.raises(UsageError, match="and it is random search; give a number"):
        share("10%", of=RANDOM)
