from __future__ import annotations

import pytest

from pytest_synebench.errors import UsageError
from pytest_synebench.searchers.catalog import NAMES, build
from pytest_synebench.searchers.protocol import History
from pytest_synebench.space import ConfigSpace, choice, uniform

SPACE = ConfigSpace({"lr": uniform(0, 1), "model": choice(["a", "b"])})


@pytest.mark.parametrize("name", NAMES)
def test_every_name_builds_a_searcher_that_begins_with_the_points(name: str) -> None:
    searcher = build(name, SPACE, seed=0, points_to_evaluate=[{"lr": 0.25}])
    assert searcher.suggest(History(), 0) == {"lr": 0.25, "model": "a"}
    assert searcher.suggest(History(), 1) is not None
    assert build(name, SPACE, seed=0).suggest(History(), 0) == SPACE.midpoint()


def test_options_reach_their_searcher() -> None:
    space = ConfigSpace({"a": choice([1, 2])})
    free = build("random", space, seed=0, points_to_evaluate=[], allow_duplicates=True)
    assert free.suggest(History(), 99) is not None
    grid = build("grid", SPACE, seed=0, points_to_evaluate=[], num_samples=2, shuffle=False)
    assert grid.suggest(History(), 0) == {"lr": 0.0, "model": "a"}
    assert grid.suggest(History(), 4) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("randm", r"no searcher is called 'randm'; known: random, grid. Did you mean 'random'\?"),
        ("sobol", "no searcher is called 'sobol'; known: random, grid$"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        build(name, SPACE, seed=0)


def test_points_outside_of_the_space_are_refused() -> None:
    with pytest.raises(UsageError, match=r"points_to_evaluate\[0\]: lr: 2 is not in uniform"):
        build("random", SPACE, seed=0, points_to_evaluate=[{"lr": 2}])
