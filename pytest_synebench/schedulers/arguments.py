"""What a scheduler is made from: one frozen record, whoever wrote the scheduler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_synebench.schedulers.halving.pasha import Criterion
from pytest_synebench.schedulers.median_stopping import MedianRule
from pytest_synebench.schedulers.population.pbt import Selection
from pytest_synebench.searchers.protocol import Searcher
from pytest_synebench.space import ConfigSpace


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """All that a scheduler may want to know; each takes what it needs."""

    searcher: Searcher  #: where the configs of new trials come from
    seed: int = 0  #: what chance depends on
    space: ConfigSpace | None = None  #: of the configs; None: not known
    resource_attr: str | None = None  #: the metric that counts resource units; None: none does
    cost_attr: str | None = None  #: the metric that a trial's total cost is reported under
    elapsed_time_attr: str | None = (
        None  #: the metric that a trial's running time is reported under
    )
    max_resource: int | None = None  #: last level of a trial, in resource units; None: not known
    min_resource: int = 1  #: first level at which trials are compared (grace_period)
    reduction_factor: int = 3  #: eta: one trial in this many goes on, >= 2
    #: levels at which trials are compared, instead of those that min_resource and
    #: reduction_factor give; max_resource is added. The share that goes on is 1/eta anyway.
    rung_levels: Sequence[int] | None = None
    brackets: int | None = None  #: how many; None: as many as the scheduler has by default
    rung_system_per_bracket: bool = False  #: whether each bracket has rungs of its own
    median: MedianRule = field(default_factory=MedianRule)  #: of median stopping
    pasha: Criterion = field(default_factory=Criterion)  #: of PASHA
    selection: Selection = field(default_factory=Selection)  #: of population based training
    mo_metric: str | None = None  #: second objective; None: cost_attr, or elapsed_time_attr
    mo_mode: str = "min"  #: of the second objective
    #: every parameter of the experiment by its name, those that a benchmark adds included: where
    #: a scheduler of a third party finds its own
    params: Mapping[str, Any] = field(default_factory=dict)
