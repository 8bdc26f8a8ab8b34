from __future__ import annotations

import logging
import random
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from histories_by_hand import history, report

pytest.importorskip("optuna")
pytest.importorskip("torch")

from pytest_synebench.searchers.learning import LearningSearcher
from pytest_synebench.searchers.model_based.optuna_sampling import gp, tpe
from pytest_synebench.searchers.problem import Problem
from pytest_synebench.searchers.protocol import History
from pytest_synebench.searchers.random_search import RandomSearch
from pytest_synebench.space import ConfigSpace, choice, loguniform, uniform
from pytest_synebench.trial import Config, Report, TrialId

SPACE = ConfigSpace({"x": uniform(-1, 1), "lr": loguniform(1e-3, 1), "c": choice(["a", "b"])})
BOTH = pytest.mark.parametrize("make", [tpe, gp])
Make = Callable[[Problem], LearningSearcher]


def problem(seed: int = 0, space: ConfigSpace = SPACE, **fields: Any) -> Problem:
    return Problem(space=space, seed=seed, **fields)


def loss(config: Config) -> float:
    x, lr = float(config["x"] or 0), float(config["lr"] or 0)
    return float((x - 0.3) ** 2 + (np.log10(lr) + 1) ** 2 / 4 + (config["c"] == "b"))


def told(count: int, seed: int = 0) -> History:
    search = RandomSearch(SPACE, seed=seed)
    configs = [search.suggest(History(), number) for number in range(count)]
    whole = [config for config in configs if config is not None]
    return history(whole, [report(i, loss(config)) for i, config in enumerate(whole)])


def state() -> tuple[Any, ...]:
    import torch

    optuna = logging.getLogger("optuna")
    return (
        random.getstate(),
        str(np.random.get_state()),  # noqa: NPY002 - that it is left alone is the test
        torch.random.get_rng_state().tolist(),
        torch.get_num_threads(),
        (optuna.level, optuna.disabled, list(optuna.handlers), list(optuna.filters)),
        logging.getLogger().level,
        list(warnings.filters),
    )


@BOTH
def test_nothing_global_is_touched_and_nothing_is_printed(
    make: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    searcher, known = make(problem()), told(12)
    import optuna  # noqa: F401 - importing it makes its logger: that is not a suggestion's doing

    before = state()
    assert searcher.suggest(known, 12) is not None
    assert state() == before
    assert capfd.readouterr() == ("", "")


@BOTH
def test_the_first_ten_are_those_of_random_search_and_then_it_has_learnt(make: Make) -> None:
    reference, searcher, known = RandomSearch(SPACE, seed=3), make(problem(3)), told(10, 3)
    assert [searcher.suggest(known, n) for n in range(10)] == [
        reference.suggest(known, n) for n in range(10)
    ]
    assert searcher.suggest(known, 10) != reference.suggest(known, 10)
    few = told(4, 3)  # three hyperparameters: five are enough
    assert searcher.suggest(few, 10) == reference.suggest(few, 10)


def played(make: Make, seed: int, trials: int) -> float:
    searcher, known = make(problem(seed)), History()
    for number in range(trials):
        config = searcher.suggest(known, number)
        assert config is not None
        known.configs[TrialId(number)] = config
        known.reports.append(
            Report(trial_id=TrialId(number), resource=1, loss=loss(config), at_s=0.0)
        )
    return min(one.loss for one in known.reports)


def test_tpe_gets_further_than_random_search() -> None:
    # Paired seeds, 40 trials; all of this is deterministic.
    pairs = [
        (
            played(tpe, seed, 40),
            played(lambda p: tpe(Problem(space=p.space, seed=p.seed, arguments=NEVER)), seed, 40),
        )
        for seed in range(6)
    ]
    assert sum(ours for ours, _ in pairs) < sum(chance for _, chance in pairs)


NEVER = {"num_init_random": 10**6}


def test_a_running_trial_is_not_suggested_again() -> None:
    # The same config is pending twenty times: TPE looks elsewhere than where it did without.
    known = told(20)
    free = tpe(problem()).suggest(known, 20)
    assert free is not None
    for i in range(20, 40):
        known.configs[TrialId(i)] = free
    busy = tpe(problem()).suggest(known, 20)
    assert busy is not None
    assert busy != free


def test_constraints_keep_tpe_where_they_hold() -> None:
    space = ConfigSpace({"x": uniform(-1, 1)})
    xs = [i / 10 - 1 for i in range(21)]
    # The loss falls to the right, where x > 0 violates.
    reports = [report(i, -x, c=x) for i, x in enumerate(xs)]
    known = history([{"x": x} for x in xs], reports)
    free = problem(space=space)
    bound = problem(space=space, constraint_attr="c")

    def mean(one: Problem) -> float:
        searcher = tpe(one)
        suggested = [searcher.suggest(known, number) for number in range(21, 41)]
        return float(np.mean([float(c["x"] or 0) for c in suggested if c is not None]))

    assert mean(bound) < 0 < mean(free)


def test_a_gp_with_constraints_stays_where_they_hold() -> None:
    space = ConfigSpace({"x": uniform(-1, 1)})
    xs = [i / 5 - 1 for i in range(11)]
    known = history([{"x": x} for x in xs], [report(i, -x, c=x - 0.1) for i, x in enumerate(xs)])
    bound = gp(problem(space=space, constraint_attr="c")).suggest(known, 11)
    assert bound is not None
    assert -0.5 < float(bound["x"] or 0) < 0.3


def test_suggestions_of_one_history_differ_by_number_and_by_seed() -> None:
    known = told(15)
    searcher = tpe(problem())
    configs = [searcher.suggest(known, n) for n in range(15, 20)]
    assert all(one != other for one, other in pairwise(configs))
    assert tpe(problem(1)).suggest(known, 15) != configs[0]


def test_a_diverged_loss_is_no_reason_to_stop() -> None:
    known = told(12)
    for i in range(5):
        known.configs[TrialId(12 + i)] = {"x": 0.9, "lr": 0.5, "c": "a"}
        known.reports.append(report(12 + i, [float("nan"), float("inf"), -float("inf")][i % 3]))
    assert tpe(problem()).suggest(known, 17) is not None
    assert gp(problem()).suggest(known, 17) is not None
