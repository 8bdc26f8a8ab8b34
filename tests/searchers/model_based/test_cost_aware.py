from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from histories_by_hand import history, report
from hypothesis import strategies as st

from pytest_synebench.cost_models import LinearInResource
from pytest_synebench.errors import UsageError
from pytest_synebench.searchers.model_based.cost_aware import bayesopt_cost
from pytest_synebench.searchers.problem import Problem
from pytest_synebench.searchers.protocol import Searcher
from pytest_synebench.space import ConfigSpace, choice, uniform
from pytest_synebench.testing.searcher_suite import SearcherSuite
from pytest_synebench.testing.spaces import DOMAINS

SPACE = ConfigSpace({"x": uniform(-1, 1), "c": choice(["cheap", "dear"])})
XS = [i / 6 - 1 for i in range(13)]
EVEN = LinearInResource(per_unit=lambda c: 1.0)
UNEVEN = LinearInResource(per_unit=lambda c: 1.0 if c["c"] == "cheap" else 50.0)


def suggested(cost_model: object) -> list[Mapping[str, Any]]:
    # A bowl in x, c without effect: both categories promise the same.
    configs = [{"x": x, "c": c} for x in XS for c in ("cheap", "dear")]
    losses = [(float(x) - 0.3) ** 2 for x in XS for _ in "cd"]
    known = history(configs, [report(i, loss) for i, loss in enumerate(losses)])
    searcher = bayesopt_cost(Problem(space=SPACE, seed=0, cost_model=cost_model))
    configs_out = [searcher.suggest(known, number) for number in range(26, 36)]
    return [config for config in configs_out if config is not None]


def test_of_equal_promises_the_cheaper_is_taken() -> None:
    assert {config["c"] for config in suggested(UNEVEN)} == {"cheap"}
    assert {config["c"] for config in suggested(EVEN)} == {"cheap", "dear"}


def test_it_finds_the_bottom_of_a_bowl() -> None:
    assert all(abs(config["x"] - 0.3) < 0.2 for config in suggested(EVEN))


class Free:
    def cost(self, config: Mapping[str, Any], resource: int) -> float:
        return 0.0


def test_a_cost_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match=r"costs 0\.0 up to level 1; a cost must be a finite"):
        suggested(Free())


def test_what_is_no_cost_model_is_refused() -> None:
    with pytest.raises(UsageError, match="cost_model is 3, which has no method cost"):
        bayesopt_cost(Problem(space=SPACE, seed=0, cost_model=3))


class TestCostAware(SearcherSuite):
    arguments: ClassVar[Mapping[str, Any]] = {"num_init_random": 2}
    spaces = st.dictionaries(st.sampled_from("abc"), DOMAINS, min_size=1, max_size=2).map(
        ConfigSpace
    )
    examples = 10

    def make(self, problem: Problem) -> Searcher:
        return bayesopt_cost(
            Problem(
                space=problem.space,
                seed=problem.seed,
                points=problem.points,
                cost_model=EVEN,
                arguments=problem.arguments,
            )
        )
