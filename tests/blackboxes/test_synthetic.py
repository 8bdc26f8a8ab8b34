from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from pytest_synebench.blackboxes.synthetic import Synthetic
from pytest_synebench.errors import UsageError
from pytest_synebench.space import ConfigSpace, uniform


@given(key=st.integers(0, 100), dimensions=st.integers(1, 4), x=st.floats(0, 1))
def test_nothing_beats_the_optimum_whose_loss_is_zero(key: int, dimensions: int, x: float) -> None:
    family = Synthetic(key=key, dimensions=dimensions)
    assert family.final_loss(family.optimum) == 0
    *_, last = family.curve(family.optimum, 0)
    assert last.metrics["loss"] == 0
    assert family.final_loss({f"x{i}": x for i in range(dimensions)}) >= 0


@pytest.mark.parametrize("asked", [0.0, 0.5, 0.9, 1.0])
def test_levels_are_correlated_as_asked(asked: float) -> None:
    table = Synthetic(rank_correlation=asked, last_level=3).table(1000)
    loss = table.values["loss"][:, 0, :]
    # The standard error over 1,000 rows is at most 0.032: 5 of them are left in 6e-7 of keys.
    assert spearmanr(loss[:, 0], loss[:, 2])[0] == pytest.approx(asked, abs=0.16)
    crossing = (loss[:-1, 0] < loss[1:, 0]) != (loss[:-1, 2] < loss[1:, 2])
    assert crossing.any() == (asked < 1)


def test_losses_fall_and_are_spread_evenly_at_the_end() -> None:
    loss = Synthetic(last_level=4).table(1000).values["loss"][:, 0, :]
    assert (loss.mean(axis=0)[:-1] > loss.mean(axis=0)[1:]).all()
    # Uniform on [0, 1]: the mean's standard error is 0.0091.
    assert loss[:, -1].mean() == pytest.approx(0.5, abs=0.046)


def test_as_many_diverge_as_asked() -> None:
    loss = Synthetic(diverging=0.2, last_level=5).table(1000).values["loss"][:, 0, :]
    dead = loss != loss
    # Binomial(1000, 0.2): a standard deviation of 13.
    assert abs(int(dead[:, -1].sum()) - 200) < 64
    assert not (dead[:, :-1] & ~dead[:, 1:]).any()  # once dead, it stays so
    assert len({int(row.sum()) for row in dead}) > 3  # from different levels on


def test_equal_families_give_equal_curves_and_noise_is_the_seeds() -> None:
    family, config = Synthetic(noise=0.1, seeds=2), {"x0": 0.3, "x1": 0.6}
    assert list(family.curve(config, 0)) == list(Synthetic(noise=0.1).curve(config, 0))
    assert list(family.curve(config, 0)) != list(family.curve(config, 1))
    assert list(family.curve(config, 0)) != list(Synthetic(noise=0.1, key=1).curve(config, 0))
    times = [p.elapsed_s for p in family.curve(config, 0)]
    assert times == [p.elapsed_s for p in family.curve(config, 1)]
    assert 1 <= times[0] <= 3


def test_a_curve_of_one_level_is_its_end() -> None:
    (only,) = Synthetic(last_level=1, dimensions=1).curve({"x0": 0.5}, 0)
    assert only.metrics["loss"] == Synthetic(dimensions=1).final_loss({"x0": 0.5})


def test_it_can_be_tuned() -> None:
    family = Synthetic(dimensions=2)
    space = ConfigSpace(family.config_space)
    assert space == ConfigSpace({"x0": uniform(0, 1), "x1": uniform(0, 1)})
    assert family.space(space) is space
    assert family.remark("loss") == ""
    assert family.metrics == {"loss": "min"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("rank_correlation", 1.5), ("diverging", -0.1), ("last_level", 0), ("noise", math.nan)],
)
def test_a_field_that_breaks_its_rule_is_refused(field: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"{field} is {value}; it must be from"):
        Synthetic(**{field: value})  # type: ignore[arg-type] # on purpose
