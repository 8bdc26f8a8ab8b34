from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("optuna")

from optuna.distributions import (  # noqa: TID253 - a test of what needs it
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from pytest_synebench.searchers.model_based.encoding import Encoding
from pytest_synebench.space import (
    ConfigSpace,
    Domain,
    choice,
    finrange,
    lograndint,
    loguniform,
    ordinal,
    qlograndint,
    quniform,
    randint,
    randn,
)
from pytest_synebench.testing.spaces import SPACES
from pytest_synebench.testing.strategies import SEEDS


def parameters(distribution: BaseDistribution) -> st.SearchStrategy[Any]:
    if isinstance(distribution, FloatDistribution):
        return st.floats(distribution.low, distribution.high)
    if isinstance(distribution, IntDistribution):
        return st.integers(distribution.low, distribution.high)
    assert isinstance(distribution, CategoricalDistribution)
    return st.sampled_from(distribution.choices)


@given(space=SPACES, seed=SEEDS)
def test_a_config_comes_back(space: ConfigSpace, seed: int) -> None:
    from random import Random

    encoding = Encoding(space)
    config = space.sample(Random(seed))
    encoded = encoding.encode(config)
    for name, distribution in encoding.distributions().items():
        internal = distribution.to_internal_repr(encoded[name])
        assert distribution._contains(internal), f"{name}: {encoded[name]}"
    back = encoding.decode(encoded)
    space.check(back)
    for name, domain in space.domains.items():
        if domain.size is not None:
            assert repr(back[name]) == repr(config[name])
        else:
            assert math.isclose(
                domain.to_unit(back[name]), domain.to_unit(config[name]), abs_tol=1e-9
            )


@given(space=SPACES, data=st.data())
def test_whatever_is_suggested_lies_in_the_space(space: ConfigSpace, data: st.DataObject) -> None:
    encoding = Encoding(space)
    suggested = {
        name: data.draw(parameters(distribution))
        for name, distribution in encoding.distributions().items()
    }
    config = encoding.decode(suggested)
    space.check(config)
    assert config.keys() == space.domains.keys()


@pytest.mark.parametrize(
    ("domain", "distribution"),
    [
        (choice(["a", None, True]), CategoricalDistribution(range(3))),
        (randint(3, 7), IntDistribution(0, 4)),
        (finrange(0, 0.6, 3), IntDistribution(0, 2)),
        (quniform(0, 1, 0.25), IntDistribution(0, 4)),
        (ordinal(["s", "m", "l"]), IntDistribution(0, 2)),
        (lograndint(1, 64), IntDistribution(1, 64, log=True)),
        (ordinal([1, 2, 10]), FloatDistribution(0, 1)),
        (qlograndint(8, 64, 8), FloatDistribution(0, 1)),
        (randint(1, 2**40), FloatDistribution(0, 1)),
        (loguniform(1, 50), FloatDistribution(0, 1)),
        (randn(0, 1), FloatDistribution(0, 1)),
    ],
    ids=repr,
)
def test_a_domain_becomes_the_distribution_of_its_scale(
    domain: Domain, distribution: BaseDistribution
) -> None:
    assert Encoding(ConfigSpace({"a": domain})).distributions() == {"a": distribution}


def test_what_has_one_value_is_left_out() -> None:
    encoding = Encoding(ConfigSpace({"a": randint(3, 3), "b": choice(["x"])}))
    assert encoding.empty
    assert encoding.decode({}) == {"a": 3, "b": "x"}


def test_a_point_beyond_all_draws_is_modelled_at_the_end() -> None:
    encoding = Encoding(ConfigSpace({"a": randn(0, 1)}))
    assert encoding.encode({"a": 100.0}) == {"a": 1.0}
