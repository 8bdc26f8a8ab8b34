"""A blackbox that is computed: a function of config and level, and what a level costs.

Invariants (tests/blackboxes/test_formula.py holds each one):
- a level is computed when it is asked for, not before;
- its time is the sum of what the levels up to it cost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pytest_synebench.blackboxes.protocol import Mode, Point
from pytest_synebench.errors import UsageError
from pytest_synebench.trial import Config, Scalar

if TYPE_CHECKING:
    from pytest_synebench.space import ConfigSpace


class Formula:
    """Curves by a function; see the module.

    Args:
        function: (config, level, seconds so far) to the metrics of a report.
        level_cost_s: seconds that one level of a config takes, >= 0.
        metrics: name to mode of each key that ``function`` returns.
        last_level: where every curve ends, >= 1.
    """

    def __init__(
        self,
        function: Callable[[Mapping[str, Any], int, float], Mapping[str, Scalar]],
        *,
        level_cost_s: Callable[[Mapping[str, Any]], float],
        metrics: Mapping[str, Mode],
        last_level: int,
    ) -> None:
        self._function = function
        self._level_cost_s = level_cost_s
        self.metrics = dict(metrics)
        self.last_level = last_level
        self.seeds = 1

    def curve(self, config: Config, seed: int) -> Iterator[Point]:  # noqa: ARG002 - it has one
        """Return the points of a config, computed one by one.

        Raises:
            UsageError: a level would cost less than nothing, or endlessly much.
        """
        step_s = self._level_cost_s(config)
        if not 0 <= step_s < math.inf:
            raise UsageError(
                f"a level of {dict(config)!r} costs {step_s!r} s; it must be finite, from 0 up"
            )
        elapsed_s = 0.0
        for level in range(1, self.last_level + 1):
            elapsed_s += step_s
            yield Point(level, elapsed_s, self._function(config, level, elapsed_s))

    def space(self, asked: ConfigSpace) -> ConfigSpace:
        """Return the space asked for: a formula knows every config."""
        return asked

    def remark(self, metric: str) -> str:  # noqa: ARG002 - nothing to say of any
        """Return ""."""
        return ""
