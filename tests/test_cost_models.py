from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.cost_models import BatchSizeCurve, CostModel, FixedLayersMLP, LinearInResource
from pytest_synebench.errors import UsageError
from pytest_synebench.trial import Config

MLP = FixedLayersMLP(num_inputs=10, num_outputs=2, layers=("n1", "n2"), examples_per_unit=100)
LINEAR = LinearInResource(per_unit=lambda c: float(c["n1"] or 1), start=lambda c: 5.0)
CURVE = BatchSizeCurve({8: 8.0, 32: 2.0, 128: 1.0})
CONFIGS = st.fixed_dictionaries(
    {"n1": st.integers(1, 999), "n2": st.integers(1, 999), "batch_size": st.integers(1, 999)}
)


@pytest.mark.parametrize("model", [MLP, LINEAR, CURVE], ids=lambda model: type(model).__name__)
@given(config=CONFIGS, resource=st.integers(1, 10**6))
def test_twice_the_resource_costs_more(model: CostModel, config: Config, resource: int) -> None:
    assert isinstance(model, CostModel)
    assert 0 < model.cost(config, resource) < model.cost(config, 2 * resource) < math.inf


def test_costs_worked_by_hand() -> None:
    # 10 * 3 + 3 * 4 + 4 * 2 = 50 products, three times, for 100 examples, twice.
    assert MLP.cost({"n1": 3, "n2": 4}, 2) == 3 * 50 * 100 * 2
    assert LINEAR.cost({"n1": 3}, 4) == 5 + 4 * 3
    assert LinearInResource(per_unit=lambda c: 2.0).cost({}, 3) == 6.0
    sizes = {4: 8.0, 8: 8.0, 32: 2.0, 128: 1.0, 999: 1.0}
    for size, unit in sizes.items():
        assert CURVE.cost({"batch_size": size}, 3) == pytest.approx(3 * unit)


def test_between_two_sizes_the_curve_bends_as_its_neighbours_do() -> None:
    # In powers of 2 it goes through (3, 3), (5, 1), (7, 0): slopes -1 and -1/2, widths equal. The
    # slope at 5 is their harmonic mean, -2/3; that at 3 is (3 * -1 - -1/2) / 2 = -5/4. At 4, the
    # middle, a cubic has the mean of the ends, 2, and width / 8 = 1/4 of the slopes' difference.
    assert CURVE.cost({"batch_size": 16}, 1) == pytest.approx(2 ** (2 + (-5 / 4 + 2 / 3) / 4))
    # Two measurements: a line. One: the same everywhere.
    line = BatchSizeCurve({8: 8.0, 32: 2.0})
    assert line.cost({"batch_size": 16}, 1) == pytest.approx(4.0)
    assert BatchSizeCurve({8: 5.0}).cost({"batch_size": 999}, 2) == pytest.approx(10.0)


@given(
    measured=st.dictionaries(st.integers(1, 4096), st.floats(1e-6, 1e6), min_size=2, max_size=8),
    data=st.data(),
)
def test_between_two_sizes_a_cost_lies_between_theirs(
    measured: dict[int, float], data: st.DataObject
) -> None:
    curve, sizes = BatchSizeCurve(measured), sorted(measured)
    left, right = data.draw(st.sampled_from([*itertools.pairwise(sizes)]))
    size = data.draw(st.integers(left, right))
    low, high = sorted((measured[left], measured[right]))
    assert low * (1 - 1e-9) <= curve.cost({"batch_size": size}, 1) <= high * (1 + 1e-9)


@pytest.mark.parametrize(
    ("model", "config", "text"),
    [
        (MLP, {"n1": 3}, r"cost model: n2 is None in config .*; the units of a layer are"),
        (MLP, {"n1": 0, "n2": 1}, "cost model: n1 is 0 in config"),
        (CURVE, {}, "cost model: batch_size is None in config .*; it must be a number above 0"),
        (LinearInResource(per_unit=lambda c: -1.0), {}, r"costs -1\.0 per resource unit and 0\.0"),
        (LinearInResource(per_unit=lambda c: math.nan), {}, "costs nan per resource unit"),
    ],
)
def test_what_costs_nothing_or_less_is_refused(model: Any, config: Config, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        model.cost(config, 1)


@pytest.mark.parametrize("measured", [{}, {0: 1.0}, {8: 0.0}, {8: math.inf}])
def test_a_curve_of_no_measurements_is_refused(measured: dict[int, float]) -> None:
    with pytest.raises(
        UsageError, match=r"cost model: measured is .*; give the cost of a resource"
    ):
        BatchSizeCurve(measured)
