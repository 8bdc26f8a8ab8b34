"""What decides which trial runs next, and how far."""

from __future__ import annotations

from pytest_synebench.experiment.plan.parameters import Kind, Parameter
from pytest_synebench.schedulers import catalog as schedulers
from pytest_synebench.schedulers import median_stopping
from pytest_synebench.schedulers.halving import ranking
from pytest_synebench.schedulers.population import pbt

SCHEDULING = (
    Parameter(
        name="scheduler",
        default="fifo",
        kind=Kind.STR,
        choices=schedulers.known(),
        instead=schedulers.instead,
        help="decides which trial runs next, and how far",
    ),
    Parameter(
        name="max_resource_level",
        default=None,
        kind=Kind.INT,
        minimum=1,
        optional=True,
        help="last resource level (epoch) of a trial",
    ),
    Parameter(
        name="grace_period",
        default=1,
        kind=Kind.INT,
        minimum=1,
        help="first level at which ASHA compares trials",
    ),
    Parameter(
        name="reduction_factor",
        default=3,
        kind=Kind.INT,
        minimum=2,
        help="ASHA lets one trial in this many go on to the next level",
    ),
    Parameter(
        name="rung_levels",
        default=None,
        kind=Kind.LEVELS,
        optional=True,
        help="levels at which ASHA compares trials, instead of those that grace_period and "
        "reduction_factor give",
    ),
    Parameter(
        name="brackets",
        default=None,
        kind=Kind.INT,
        minimum=1,
        optional=True,
        help="levels at which new trials may begin to be compared, as a hedge against a first one "
        "that is too low; none: 1, and all of them for synchronous_hyperband",
    ),
    Parameter(
        name="rung_system_per_bracket",
        default=False,
        kind=Kind.BOOL,
        help="with several brackets, ASHA compares trials within their bracket alone",
    ),
    Parameter(
        name="median_rule",
        default="vizier",
        kind=Kind.STR,
        choices=median_stopping.RULES,
        help="median_stopping compares, vizier: the best loss so far with the averages of "
        "completed trials; syne_tune: averages with those of all trials that came as far",
    ),
    Parameter(
        name="grace_time",
        default=1,
        kind=Kind.INT,
        minimum=1,
        help="first level at which median_stopping may stop a trial",
    ),
    Parameter(
        name="grace_population",
        default=1,
        kind=Kind.INT,
        minimum=1,
        help="trials that median_stopping must have to compare with",
    ),
    Parameter(
        name="rank_cutoff",
        default=0.5,
        kind=Kind.FLOAT,
        minimum=0,
        help="the quantile that median_stopping asks a trial to be as good as; 0.5: the median",
    ),
    Parameter(
        name="running_average",
        default=True,
        kind=Kind.BOOL,
        help="whether median_rule syne_tune compares averages, or the last losses",
    ),
    Parameter(
        name="pasha_ranking_criterion",
        default="soft_ranking",
        kind=Kind.STR,
        choices=ranking.CRITERIA,
        help="how pasha finds out whether going further up changes the ranking of the trials",
    ),
    Parameter(
        name="pasha_epsilon",
        default=None,
        kind=Kind.FLOAT,
        minimum=0,
        optional=True,
        help="difference of the metric that is noise to pasha's soft_ranking; none: estimated",
    ),
    Parameter(
        name="pasha_epsilon_scaling",
        default=1.0,
        kind=Kind.FLOAT,
        minimum=0,
        help="factor on the spread that pasha's criteria soft_ranking_* take for noise",
    ),
    Parameter(
        name="population_size",
        default=4,
        kind=Kind.INT,
        minimum=2,
        help="trials that pbt has in its population; more than num_workers take turns",
    ),
    Parameter(
        name="perturbation_interval",
        default=None,
        kind=Kind.INT,
        minimum=1,
        optional=True,
        help="levels between two comparisons of pbt; none: a tenth of the last level",
    ),
    Parameter(
        name="quantile_fraction",
        default=0.2,
        kind=Kind.FLOAT,
        minimum=0,
        help="share of the population that pbt replaces, and share that it copies, at most 0.5",
    ),
    Parameter(
        name="resample_probability",
        default=0.25,
        kind=Kind.FLOAT,
        minimum=0,
        help="probability that pbt draws a hyperparameter anew instead of moving it",
    ),
    Parameter(
        name="pbt_rule",
        default="paper",
        kind=Kind.STR,
        choices=pbt.RULES,
        help="syne_tune: pbt replaces a share of those that have a loss, not of the population, "
        "and compares a copy at its first level, not after an interval",
    ),
    Parameter(
        name="mo_metric",
        default="",
        kind=Kind.STR,
        help="metric that mo_asha judges trials by, beside the benchmark's; empty: its cost_attr, "
        "else its elapsed_time_attr",
    ),
    Parameter(
        name="mo_mode",
        default="min",
        kind=Kind.STR,
        choices=("min", "max"),
        help="which values of mo_metric are good",
    ),
)
