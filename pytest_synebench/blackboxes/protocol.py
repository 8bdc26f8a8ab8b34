"""What a blackbox is: the curve of each config, known without training anything.

A curve is the sequence of what a script would report, with the seconds it had taken by then. The
simulated back-end plays curves in virtual time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

from pytest_synebench.trial import Config, Scalar

if TYPE_CHECKING:
    from pytest_synebench.space import ConfigSpace

Mode: TypeAlias = Literal["min", "max"]


class Point(NamedTuple):
    """What a trial reports at one resource level."""

    level: int  #: >= 1; ascending along a curve
    elapsed_s: float  #: seconds since the trial began; never falls along a curve
    metrics: Mapping[str, Scalar]  #: without level and elapsed time


class Blackbox(Protocol):
    """Knows what each config would report, and how long that takes.

    Equal configs and seeds give equal curves: nothing is drawn from a generator with a state.
    """

    @property
    def metrics(self) -> Mapping[str, Mode]:
        """The keys of ``Point.metrics``, and which end of each is the good one."""
        ...

    @property
    def seeds(self) -> int:
        """How many curves there are of each config, >= 1."""
        ...

    @property
    def last_level(self) -> int:
        """The level at which every curve ends."""
        ...

    def curve(self, config: Config, seed: int) -> Iterator[Point]:
        """Return the points of a config's curve, as they are asked for.

        Args:
            config: a whole config; constants of the benchmark may be among it.
            seed: which of its curves, 0 <= seed < ``seeds``.

        Raises:
            UsageError: there is no such config here.
        """
        ...

    def space(self, asked: ConfigSpace) -> ConfigSpace:
        """Return the space that configs are to come from: the one asked for, or the part known.

        Raises:
            UsageError: the space has not the hyperparameters of this blackbox.
        """
        ...

    def remark(self, metric: str) -> str:
        """Return what people should know about curves of this blackbox, or ""."""
        ...
