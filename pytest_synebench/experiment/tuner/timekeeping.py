"""By which time an experiment is run: the measured one, or in a deterministic run a virtual one.

Invariants (tests/experiment/tuner/test_timekeeping.py):
- a deterministic run has nothing measured in its journal, and nothing measured ends it;
- what would be decided on measured time is refused before anything starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.journal import timings
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.tuner.budget import Budget
from pytest_synebench.experiment.tuner.intake import Intake
from pytest_synebench.experiment.tuner.order import AsItComes, Order
from pytest_synebench.experiment.tuner.sequencer import Sequencer
from pytest_synebench.schedulers.catalog import second_metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Timekeeping:
    """The parts of a tuner that depend on which time counts."""

    order: Order
    intake: Intake
    budget: Budget
    spent_s: float | None = None  #: measured by earlier sessions; None: what the journal says
    session_s: float | None = None  #: measured seconds after which a session breaks off

    @classmethod
    def of(cls, plan: Plan, table: TrialTable, directory: Path) -> Timekeeping:
        """Return what a plan asks for.

        Args:
            plan: of the experiment.
            table: where its journal ends.
            directory: of the run, with its measured times so far.
        """
        budget = Budget.of(plan)
        if plan.simulated:
            # Exact by itself: nothing arrives that could come in another order.
            intake = Intake(plan.definition, cumulative=True)
            return cls(order=AsItComes(), intake=intake, budget=budget)
        if not plan.params["deterministic"]:
            return cls(order=AsItComes(), intake=Intake(plan.definition), budget=budget)
        known = {place: one.elapsed for place, one in timings.arrivals(directory).items()}
        intake = Intake(plan.definition, apart=known)
        return cls(
            order=Sequencer(intake.level, now_s=table.at_s),
            intake=intake,
            budget=replace(budget, scheduler_timeout_s=None),
            spent_s=timings.last_s(directory),
            session_s=budget.scheduler_timeout_s,
        )


def check_deterministic(plan: Plan) -> None:
    """Refuse a deterministic run that would decide on measured time.

    Raises:
        UsageError: what trials are compared by is the elapsed time.
    """
    definition = plan.definition
    measured = plan.params["deterministic"] and not plan.simulated
    if not measured or definition.elapsed_time_attr is None:
        return
    for what, name in _compared_by(plan):
        if name == definition.elapsed_time_attr:
            raise UsageError(
                f"deterministic is True, and {what} of {plan.benchmark} is {name!r}, its "
                "elapsed_time_attr; a deterministic run decides nothing on measured time: give "
                "the benchmark another metric, or run it with --deterministic 0"
            )


def _compared_by(plan: Plan) -> Iterator[tuple[str, str | None]]:
    definition = plan.definition
    yield "the metric", definition.metric
    if plan.scheduler == "asha_cost_promotion":
        yield "the cost_attr, which asha_cost_promotion shares out,", definition.cost_attr
    if plan.scheduler == "mo_asha":
        second = second_metric(
            plan.params["mo_metric"], definition.cost_attr, definition.elapsed_time_attr
        )
        yield "the second metric of mo_asha", second


def wall_s(plan: Plan, table: TrialTable, directory: Path) -> float:
    """Return the measured seconds that a run has taken so far."""
    measured = plan.params["deterministic"] and not plan.simulated
    return timings.last_s(directory) if measured else table.at_s
