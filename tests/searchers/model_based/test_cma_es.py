from __future__ import annotations

import pytest
from histories_by_hand import report

pytest.importorskip("cmaes")

from pytest_synebench.errors import UsageError
from pytest_synebench.searchers.learning import LearningSearcher
from pytest_synebench.searchers.model_based.cma_es import cmaes
from pytest_synebench.searchers.problem import Problem
from pytest_synebench.searchers.protocol import History, Searcher
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace, choice, loguniform, randint, uniform
from pytest_synebench.trial import Config, TrialId

SPACE = ConfigSpace({"x": uniform(-1, 1), "y": uniform(-1, 1), "lr": loguniform(0.01, 1)})


def made(space: ConfigSpace = SPACE, seed: int = 0) -> LearningSearcher:
    return cmaes(Problem(space=space, seed=seed))


def loss(config: Config) -> float:
    x, y = float(config["x"] or 0), float(config["y"] or 0)
    place = SPACE.domains["lr"].to_unit(config["lr"])
    return (x - 0.3) ** 2 + 10 * (y + 0.2) ** 2 + (place - 0.4) ** 2


def played(searcher: Searcher, trials: int, workers: int = 1) -> float:
    known = History()
    for number in range(trials):
        config = searcher.suggest(known, number)
        assert config is not None
        known.configs[TrialId(number)] = config
        if number >= workers:  # a trial reports when as many others have started
            late = TrialId(number - workers)
            known.reports.append(report(late, loss(known.configs[late])))
    return min(one.loss for one in known.reports)


@pytest.mark.parametrize("workers", [1, 4, 12])
def test_it_gets_to_the_bottom_of_a_bowl_however_late_losses_come(workers: int) -> None:
    chance = played(RandomSearch(SPACE, seed=0), 250)
    assert played(made(), 250, workers) < chance / 100


def test_categories_without_order_are_drawn() -> None:
    space = ConfigSpace({**SPACE, "c": choice(["a", "b"])})
    searcher, known = made(space), History()
    for number in range(40):
        config = searcher.suggest(known, number)
        assert config is not None
        known.configs[TrialId(number)] = config
        known.reports.append(report(number, loss(config)))
    late = [config["c"] for config in list(known.configs.values())[20:]]
    assert {*late} == {"a", "b"}


@pytest.mark.parametrize(
    ("space", "names"),
    [
        ({"x": uniform(0, 1), "c": choice(["a", "b"]), "n": randint(3, 3)}, r"1 \(x\)"),
        ({"c": choice(["a", "b"])}, r"0 \(none\)"),
    ],
)
def test_fewer_than_two_ordered_hyperparameters_are_refused(
    space: dict[str, object], names: str
) -> None:
    with pytest.raises(UsageError, match=rf"cmaes needs two .* the space has {names}; choose"):
        made(ConfigSpace(space))  # type: ignore[arg-type] # domains
