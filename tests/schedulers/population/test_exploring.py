from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.schedulers.population.exploring import explored, moved
from pytest_synebench.space import (
    ConfigSpace,
    Domain,
    choice,
    finrange,
    lograndint,
    loguniform,
    ordinal,
    qloguniform,
    quniform,
    randint,
    randn,
    uniform,
)
from pytest_synebench.testing.spaces import DOMAINS, SPACES
from pytest_synebench.trial import Scalar

SEEDS = st.integers(0, 2**32)


@given(space=SPACES, seed=SEEDS, resample=st.sampled_from([0.0, 0.25, 1.0]))
def test_what_is_found_is_a_config_of_the_space_and_the_same_by_the_same_chance(
    space: ConfigSpace, seed: int, resample: float
) -> None:
    config = space.sample(Random(seed))
    found = explored(space, config, Random(seed), resample)
    space.check(found)
    assert list(found) == list(space.domains)
    assert explored(space, config, Random(seed), resample) == found


@given(domain=DOMAINS, seed=SEEDS, factor=st.sampled_from([1.2, 0.8]))
def test_a_moved_value_is_in_its_domain(domain: Domain, seed: int, factor: float) -> None:
    value = domain.sample(Random(seed))
    assert domain.contains(moved(domain, value, factor))


@pytest.mark.parametrize(
    ("domain", "value", "up", "down"),
    [
        (uniform(0, 1), 0.5, 0.6, 0.4),
        (uniform(0, 1), 0.9, 1.0, 0.72),
        (uniform(-1, 1), -0.5, -0.6, -0.4),
        (loguniform(1e-3, 1.0), 1.1e-3, 1.32e-3, 1e-3),
        (randn(0, 1), 2.0, 2.4, 1.6),
        (randint(1, 100), 50, 60, 40),
        (randint(1, 9), 2, 3, 1),  # 2.4 and 1.6 would be 2 again
        (randint(1, 9), 9, 9, 7),
        (randint(1, 9), 1, 2, 1),
        (lograndint(1, 1000), 100, 120, 80),
        (quniform(0, 1, 0.25), 0.5, 0.75, 0.25),
        (qloguniform(1, 64, 1), 10.0, 12.0, 8.0),
        (ordinal([1, 2, 8, 16]), 8, 16, 2),
        (ordinal(["s", "m", "l"]), "l", "l", "m"),
        (finrange(0.0, 1.0, 5), 0.5, 0.75, 0.25),
    ],
    ids=repr,
)
def test_a_number_moves_by_the_factor_and_a_listed_value_to_its_neighbour(
    domain: Domain, value: Scalar, up: Scalar, down: Scalar
) -> None:
    assert moved(domain, value, 1.2) == pytest.approx(up)
    assert moved(domain, value, 0.8) == pytest.approx(down)


def test_categories_without_order_are_always_drawn() -> None:
    space = ConfigSpace({"cell": choice(["gru", "lstm", "rnn"]), "lr": uniform(0, 1)})
    config: dict[str, Scalar] = {"cell": "gru", "lr": 0.5}
    found = [explored(space, config, Random(seed), 0.0) for seed in range(40)]
    assert {one["cell"] for one in found} == {"gru", "lstm", "rnn"}
    assert {one["lr"] for one in found} == {0.6, 0.4}


def test_each_hyperparameter_is_drawn_anew_with_the_probability_that_is_given() -> None:
    space = ConfigSpace({"a": uniform(0, 1), "b": uniform(0, 1)})
    drawn = 0
    for seed in range(400):
        found = explored(space, {"a": 0.5, "b": 0.5}, Random(seed), 0.25)
        drawn += sum(value not in {0.6, 0.4} for value in found.values())
    # 800 draws of 1/4: 200, with a standard deviation of 12. The seeds are fixed.
    assert abs(drawn - 200) < 60
