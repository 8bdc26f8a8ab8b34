"""What a trial costs, as a function of its config and of the resource level it runs to.

A benchmark's ``cost_model`` says beforehand what a config will cost: seconds, dollars, operations,
as long as all configs are counted in the same unit.

Invariants (tests/test_cost_models.py holds each one):
- a cost is positive and finite, or refused by name;
- twice the resource costs more: c(x, 2r) > c(x, r);
- the cost of a multilayer perceptron is the number of its multiplications, worked by hand;
- a curve goes through what was measured, and between two sizes stays between their costs.

Source: the cost models of Syne Tune, c(x, r) = c0(x) + r * c1(x). The spline: Fritsch and Butland,
SIAM Journal on Scientific and Statistical Computing 5, 1984; SciPy's PCHIP.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pytest_synebench.errors import UsageError
from pytest_synebench.trial import Config


@runtime_checkable
class CostModel(Protocol):
    """Says what a trial costs. Equal arguments give an equal cost."""

    def cost(self, config: Config, resource: int) -> float:
        """Return the cost of running a config from nothing to a resource level, > 0."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearInResource:
    """c(x, r) = c0(x) + r * c1(x): what a start costs, and what each unit does."""

    per_unit: Callable[[Config], float]  #: c1: cost of one resource unit, > 0
    start: Callable[[Config], float] | None = None  #: c0: cost of a start, >= 0; None: nothing

    def cost(self, config: Config, resource: int) -> float:
        """Return the cost of running a config to a resource level.

        Raises:
            UsageError: a part of it is no finite number, or has the wrong sign.
        """
        unit = float(self.per_unit(config))
        start = 0.0 if self.start is None else float(self.start(config))
        if not (math.isfinite(unit) and unit > 0 and math.isfinite(start) and start >= 0):
            raise UsageError(
                f"cost model: config {dict(config)!r} costs {unit!r} per resource unit and "
                f"{start!r} at its start; the first must be above 0, the second from 0 up"
            )
        return start + resource * unit


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedLayersMLP:
    """Multiplications of training a multilayer perceptron with a fixed number of layers.

    A layer from n to m units takes n * m multiplications per example forwards, and twice as many
    backwards.
    """

    num_inputs: int  #: features of an example
    num_outputs: int  #: classes
    layers: tuple[str, ...]  #: hyperparameters that hold the units of the hidden layers, in order
    examples_per_unit: int = 1  #: examples in one resource unit (epoch)

    def cost(self, config: Config, resource: int) -> float:
        """Return the multiplications of running a config to a resource level.

        Raises:
            UsageError: the config lacks a layer, or a layer is no whole number from 1 up.
        """
        return 3.0 * self._products(config) * self.examples_per_unit * resource

    def _products(self, config: Config) -> int:
        widths = [self.num_inputs, *[self._units(config, name) for name in self.layers]]
        widths.append(self.num_outputs)
        return sum(n * m for n, m in itertools.pairwise(widths))

    def _units(self, config: Config, name: str) -> int:
        units = config.get(name)
        if type(units) is not int or units < 1:
            raise UsageError(
                f"cost model: {name} is {units!r} in config {dict(config)!r}; the units of a layer "
                "are a whole number from 1 up"
            )
        return units


class BatchSizeCurve:
    """Cost of a resource unit by batch size: measured at some sizes, a smooth curve in between.

    A cubic spline that rises and falls only where the measurements do. Both axes are logarithmic;
    beyond the measured sizes the cost is that of the nearest one.

    Args:
        measured: cost of one resource unit by batch size, all > 0.
        attr: the hyperparameter that holds the batch size.

    Raises:
        UsageError: nothing was measured, or a size or cost is not above 0.
    """

    def __init__(self, measured: Mapping[int, float], *, attr: str = "batch_size") -> None:
        if not measured or not all(k > 0 and 0 < v < math.inf for k, v in measured.items()):
            raise UsageError(
                f"cost model: measured is {dict(measured)!r}; give the cost of a resource unit by "
                "batch size, all of them above 0"
            )
        self._attr = attr
        sizes = [math.log(size) for size in sorted(measured)]
        costs = [math.log(measured[size]) for size in sorted(measured)]
        self._smallest, self._largest = sizes[0], sizes[-1]
        self._curve = _spline(sizes, costs)

    def cost(self, config: Config, resource: int) -> float:
        """Return the cost of running a config to a resource level.

        Raises:
            UsageError: the config has no batch size above 0.
        """
        size = config.get(self._attr)
        if not isinstance(size, int | float) or isinstance(size, bool) or size <= 0:
            raise UsageError(
                f"cost model: {self._attr} is {size!r} in config {dict(config)!r}; it must be a "
                "number above 0"
            )
        at = min(max(math.log(size), self._smallest), self._largest)
        return resource * math.exp(self._curve(at))


def _spline(places: list[float], values: list[float]) -> Callable[[float], float]:
    """Return the monotone cubic spline through points; places rise."""
    if len(places) == 1:
        return lambda at: values[0]  # noqa: ARG005 - one measurement says the same everywhere
    from scipy.interpolate import PchipInterpolator

    curve = PchipInterpolator(places, values)
    return lambda at: float(curve(at))
