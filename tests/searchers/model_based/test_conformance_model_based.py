"""The searchers with a model pass the suite that every searcher passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st

pytest.importorskip("optuna")
pytest.importorskip("cmaes")
pytest.importorskip("torch")

from pytest_synebench.searchers.model_based.cma_es import cmaes
from pytest_synebench.searchers.model_based.optuna_sampling import gp, tpe
from pytest_synebench.searchers.problem import Problem
from pytest_synebench.searchers.protocol import Searcher
from pytest_synebench.space import ConfigSpace, Domain
from pytest_synebench.testing.searcher_suite import SearcherSuite
from pytest_synebench.testing.spaces import DOMAINS


def spaces(domains: st.SearchStrategy[Domain], least: int = 1) -> st.SearchStrategy[ConfigSpace]:
    few = st.dictionaries(st.sampled_from("abc"), domains, min_size=least, max_size=2)
    return few.map(ConfigSpace)


class TestTpe(SearcherSuite):
    arguments: ClassVar[Mapping[str, Any]] = {"num_init_random": 2}
    spaces = spaces(DOMAINS)
    constraint_attr = "c"

    def make(self, problem: Problem) -> Searcher:
        return tpe(problem)


@pytest.mark.slow
@pytest.mark.proof  # a model for each suggestion; the others of this file are a sample
class TestGp(SearcherSuite):
    arguments: ClassVar[Mapping[str, Any]] = {"num_init_random": 2}
    spaces = spaces(DOMAINS)
    constraint_attr = "c"
    examples = 4
    trials = 8

    def make(self, problem: Problem) -> Searcher:
        return gp(problem)


class TestCmaEs(SearcherSuite):
    arguments: ClassVar[Mapping[str, Any]] = {"num_init_random": 2}
    exhausts = False  # the suite's small spaces may have no order
    spaces = spaces(
        DOMAINS.filter(lambda d: d.size != 1 and d.to_json()["domain"] != "choice"), least=2
    )

    def make(self, problem: Problem) -> Searcher:
        return cmaes(problem)
