"""Every searcher of ours passes the suite that is shipped for others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from hypothesis import strategies as st

from pytest_synebench.searchers.evolution import evolution
from pytest_synebench.searchers.grid import GridSearch
from pytest_synebench.searchers.problem import Problem
from pytest_synebench.searchers.protocol import Searcher
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.searchers.sobol import SobolSearch
from pytest_synebench.space import ConfigSpace
from pytest_synebench.testing.searcher_suite import SearcherSuite
from pytest_synebench.testing.spaces import LISTED


class TestRandom(SearcherSuite):
    def make(self, problem: Problem) -> Searcher:
        return RandomSearch(problem.space, seed=problem.seed, points=problem.points)


class TestSobol(SearcherSuite):
    paired = False

    def make(self, problem: Problem) -> Searcher:
        return SobolSearch(problem.space, seed=problem.seed, points=problem.points)


class TestGrid(SearcherSuite):
    paired = False
    spaces = st.dictionaries(st.sampled_from("ab"), LISTED, min_size=1).map(ConfigSpace)

    def make(self, problem: Problem) -> Searcher:
        return GridSearch(problem.space, seed=problem.seed, points=problem.points)


class TestEvolution(SearcherSuite):
    arguments: ClassVar[Mapping[str, Any]] = {"population_size": 3, "sample_size": 2}

    def make(self, problem: Problem) -> Searcher:
        return evolution(problem)
