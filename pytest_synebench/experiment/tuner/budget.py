"""When an experiment ends: each criterion exact, N means N.

Invariants (tests/experiment/tuner/test_budget.py):
- exactly ``num_trials`` trials are started, failed ones included; promotions go on after that;
- the experiment ends with the report that makes ``resource_budget`` units, not one later;
- it ends with the first report as good as ``target_value``, and with failure max_failures + 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.experiment.plan.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The criteria; None: that one never ends the experiment."""

    num_trials: int
    max_failures: int
    scheduler_timeout_s: float | None = None
    resource_budget: int | None = None  #: resource units over all trials
    target_loss: float | None = None  #: the user's target_value, lower is better

    @classmethod
    def of(cls, plan: Plan) -> Budget:
        """Return the budget that a plan's parameters ask for."""
        target = plan.params["target_value"]
        sign = -1.0 if plan.definition.mode == "max" else 1.0
        return cls(
            num_trials=plan.num_trials,
            max_failures=plan.params["max_failures"],
            scheduler_timeout_s=plan.params["scheduler_timeout"],
            resource_budget=plan.params["resource_budget"],
            target_loss=None if target is None else sign * target,
        )

    @property
    def ends_s(self) -> float:
        """The time at which the experiment ends; infinite where none does."""
        return math.inf if self.scheduler_timeout_s is None else self.scheduler_timeout_s

    @property
    def counts_reports(self) -> bool:
        """Whether a report may end the experiment."""
        return self.target_loss is not None or self.resource_budget is not None

    def may_start(self, table: TrialTable) -> bool:
        """Whether one more trial may be started."""
        return len(table.trials) < self.num_trials

    def exceeded(self, table: TrialTable, at_s: float) -> str:
        """Return why the experiment is over, or "" while it is not."""
        if table.failed > self.max_failures:
            return f"{table.failed} trials failed, max_failures is {self.max_failures}"
        if self.target_loss is not None and table.best and table.best.loss <= self.target_loss:
            return "target_value reached"
        if self.resource_budget is not None and table.units >= self.resource_budget:
            return f"resource_budget of {self.resource_budget} units spent"
        if self.scheduler_timeout_s is not None and at_s >= self.scheduler_timeout_s:
            return f"scheduler_timeout of {self.scheduler_timeout_s:g} s reached"
        return ""
