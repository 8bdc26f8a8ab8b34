"""When an experiment ends, and when a trial has failed."""

from __future__ import annotations

from pytest_synebench.experiment.plan.parameters import Kind, Parameter

BUDGETS = (
    Parameter(
        name="num_trials",
        default=10,
        kind=Kind.INT,
        minimum=1,
        help="trials started, at most, failed ones included",
    ),
    Parameter(
        name="scheduler_timeout",
        default=None,
        kind=Kind.FLOAT,
        minimum=0,
        optional=True,
        help="seconds after which the experiment ends; a deterministic one is interrupted instead",
    ),
    Parameter(
        name="resource_budget",
        default=None,
        kind=Kind.INT,
        minimum=1,
        optional=True,
        help="resource units (epochs) over all trials after which the experiment ends",
    ),
    Parameter(
        name="target_value",
        default=None,
        kind=Kind.FLOAT,
        optional=True,
        help="the experiment ends when the metric is as good as this",
    ),
    Parameter(
        name="max_cost",
        default=None,
        kind=Kind.FLOAT,
        above=0,
        optional=True,
        help="sagemaker: USD that the jobs of an experiment may cost, to end them included: it "
        "ends before; a deterministic one is interrupted instead",
    ),
    Parameter(
        name="max_failures",
        default=1,
        kind=Kind.INT,
        minimum=0,
        help="failed trials that are put up with; one more ends the experiment",
    ),
    Parameter(
        name="max_retries",
        default=0,
        kind=Kind.INT,
        minimum=0,
        help="times a failed trial is tried again, from its last checkpoint",
    ),
    Parameter(
        name="trial_timeout",
        default=None,
        kind=Kind.FLOAT,
        minimum=0,
        optional=True,
        help="seconds that one attempt of a trial may take",
    ),
    Parameter(
        name="progress_timeout",
        default=3600.0,
        kind=Kind.FLOAT,
        minimum=0,
        optional=True,
        help="seconds that a trial may go without a report before it counts as hanging",
    ),
)
