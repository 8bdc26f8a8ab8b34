"""The schedulers by the names a user types.

Invariants (tests/schedulers/test_catalog.py holds each one):
- an unknown name is refused, with the nearest known one, or with what replaces it here;
- what compares trials at resource levels, or costs, is refused, by name, where the benchmark has
  none;
- a third party's scheduler is found by its name, and never hides one of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches

from pytest_synebench.errors import UsageError
from pytest_synebench.schedulers import registry
from pytest_synebench.schedulers.arguments import Arguments
from pytest_synebench.schedulers.fifo import Fifo
from pytest_synebench.schedulers.halving.asha_cost_promotion import AshaCostPromotion
from pytest_synebench.schedulers.halving.asha_promotion import AshaPromotion
from pytest_synebench.schedulers.halving.asha_stopping import AshaStopping
from pytest_synebench.schedulers.halving.pasha import Pasha
from pytest_synebench.schedulers.halving.rungs import explicit_levels, rung_levels
from pytest_synebench.schedulers.halving.synchronous_hyperband import SynchronousHyperband
from pytest_synebench.schedulers.median_stopping import MedianStopping
from pytest_synebench.schedulers.pareto.mo_asha import MoAsha
from pytest_synebench.schedulers.pausing import Pausing
from pytest_synebench.schedulers.population.pbt import Pbt
from pytest_synebench.schedulers.protocol import Scheduler
from pytest_synebench.searchers import catalog as searchers


def _fifo(given: Arguments) -> Scheduler:
    return Fifo(given.searcher, max_resource=given.max_resource if given.resource_attr else None)


def _median_stopping(given: Arguments) -> Scheduler:
    last = given.max_resource or 0
    return MedianStopping(given.searcher, max_resource=last, rule=given.median)


def _asha_stopping(given: Arguments) -> Scheduler:
    return AshaStopping(
        given.searcher,
        levels=_levels(given),
        reduction_factor=given.reduction_factor,
        brackets=1 if given.brackets is None else given.brackets,
        rung_system_per_bracket=given.rung_system_per_bracket,
        seed=given.seed,
    )


def _asha_promotion(given: Arguments) -> Scheduler:
    return AshaPromotion(
        given.searcher,
        levels=_levels(given),
        reduction_factor=given.reduction_factor,
        brackets=1 if given.brackets is None else given.brackets,
        rung_system_per_bracket=given.rung_system_per_bracket,
        seed=given.seed,
    )


def _asha_cost_promotion(given: Arguments) -> Scheduler:
    if given.cost_attr is None:
        raise UsageError(
            "asha_cost_promotion shares out costs, and the benchmark has no cost_attr; set it to "
            "the metric that a trial reports its total cost under (elapsed_time_attr will do), or "
            "choose --scheduler asha_promotion"
        )
    return AshaCostPromotion(
        given.searcher,
        levels=_levels(given),
        reduction_factor=given.reduction_factor,
        cost_attr=given.cost_attr,
        brackets=1 if given.brackets is None else given.brackets,
        rung_system_per_bracket=given.rung_system_per_bracket,
        seed=given.seed,
    )


def _pasha(given: Arguments) -> Scheduler:
    return Pasha(
        given.searcher,
        levels=_levels(given),
        reduction_factor=given.reduction_factor,
        criterion=given.pasha,
    )


def _synchronous_hyperband(given: Arguments) -> Scheduler:
    return SynchronousHyperband(
        given.searcher,
        levels=_levels(given),
        reduction_factor=given.reduction_factor,
        brackets=given.brackets,
    )


def _pbt(given: Arguments) -> Scheduler:
    if given.space is None:
        raise UsageError("pbt moves configs in their space; build it with Arguments(space=...)")
    return Pbt(
        given.searcher,
        space=given.space,
        max_resource=given.max_resource or 0,
        selection=given.selection,
        seed=given.seed,
    )


def _mo_asha(given: Arguments) -> Scheduler:
    metric = second_metric(given.mo_metric, given.cost_attr, given.elapsed_time_attr)
    if metric is None:
        raise UsageError(
            "mo_asha judges trials by a second metric, and the benchmark has neither cost_attr nor "
            "elapsed_time_attr; name one that its script reports with --mo_metric"
        )
    return MoAsha(
        given.searcher,
        levels=_levels(given),
        reduction_factor=given.reduction_factor,
        metric=metric,
        mode=given.mo_mode,
    )


def _pausing(given: Arguments) -> Scheduler:
    last = given.max_resource or 0
    levels = range(1, last + 1) if given.rung_levels is None else given.rung_levels
    return Pausing(given.searcher, levels=explicit_levels(tuple(levels), last))


_FACTORIES: Mapping[str, Callable[[Arguments], Scheduler]] = {
    "fifo": _fifo,
    "asha_stopping": _asha_stopping,
    "asha_promotion": _asha_promotion,
    "asha_cost_promotion": _asha_cost_promotion,
    "pasha": _pasha,
    "synchronous_hyperband": _synchronous_hyperband,
    "median_stopping": _median_stopping,
    "mo_asha": _mo_asha,
    "pbt": _pbt,
    "pausing": _pausing,
}
NAMES = tuple(_FACTORIES)
#: Names that the system we succeed used.
ALIASES = {
    "hyperband_stopping": "asha_stopping",
    "hyperband_promotion": "asha_promotion",
    "hyperband_cost_promotion": "asha_cost_promotion",
    "hyperband_pasha": "pasha",
    "hyperband_synchronous": "synchronous_hyperband",
}
_SYNCHRONOUS = "fifo: a slot that frees gets its next trial at once"
_RUSH = ", with the best configs of earlier tasks as points_to_evaluate"
#: Names of its, of its relatives and of papers, that are none here, and what to choose instead.
REPLACED = {
    "asha": "asha_promotion, or asha_stopping for scripts that have no checkpoints",
    "bohb": "asha_promotion with --searcher tpe, or synchronous_hyperband with it",
    "fifo_synchronous": _SYNCHRONOUS,
    "hyperband": "asha_stopping or asha_promotion; with rungs that wait, synchronous_hyperband",
    "hyperband_rush_promotion": f"asha_promotion{_RUSH}",
    "hyperband_rush_stopping": f"asha_stopping{_RUSH}",
    "median_stopping_rule": "median_stopping",
    "mobster": "asha_promotion with --searcher gp",
    "moasha": "mo_asha",
    "rush_promotion": f"asha_promotion{_RUSH}",
    "rush_stopping": f"asha_stopping{_RUSH}",
    "sha": "synchronous_hyperband with --brackets 1",
    "successive_halving": "synchronous_hyperband with --brackets 1",
    "sync_bohb": "synchronous_hyperband with --searcher tpe",
    "sync_hyperband": "synchronous_hyperband",
    "sync_mobster": "synchronous_hyperband with --searcher gp",
    "raytune_fifo": "fifo",
    "raytune_asha": "asha_stopping",
    "raytune_fifo_synchronous": _SYNCHRONOUS,
    "raytune_median_stopping": "median_stopping",
    "raytune_pbt": "pbt",
    "raytune_hyperband": "asha_stopping, the rule of Ray Tune's asynchronous Hyperband",
}


def known() -> tuple[str, ...]:
    """Return every name that ``build`` takes: ours, aliases, those of installed packages."""
    own = (*NAMES, *ALIASES)
    return (*own, *(name for name in registry.installed() if name not in own))


def build(name: str, given: Arguments) -> Scheduler:
    """Return a scheduler in its first state.

    Args:
        name: one of ``known()``.
        given: what the experiment and its benchmark say.

    Raises:
        UsageError: no scheduler has the name, an argument breaks its rule, or the scheduler needs
            something that the benchmark does not name.
    """
    name = ALIASES.get(name, name)
    if name in _FACTORIES:
        if name != "fifo":
            _check_levels_are_known(name, given)
        return _FACTORIES[name](given)
    if name in registry.installed():
        return registry.build(name, given)
    raise UsageError(
        f"no scheduler is called {name!r}; known: {', '.join(known())}." + instead(name)
    )


def instead(name: str) -> str:
    """Return what to choose instead of an unknown name, as a sentence; "" where nothing is like it.

    >>> instead("raytune_fifo")
    " Ray Tune's schedulers are not run here: choose fifo."
    """
    bare = name.lower().replace("-", "_")
    replaced = {known.replace("_", ""): choice for known, choice in REPLACED.items()}
    choice = replaced.get(bare.replace("_", ""))
    if bare.startswith("raytune_"):
        return f" Ray Tune's schedulers are not run here: choose {choice or 'one of those'}."
    if choice is not None:
        return f" Choose {choice}."
    if bare in (*searchers.NAMES, *searchers.ALIASES, searchers.EXTERNAL):
        return f" {bare} is a searcher: choose --searcher {bare}, with --scheduler fifo or another."
    near = get_close_matches(name, known(), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def second_metric(
    named: str | None, cost_attr: str | None, elapsed_time_attr: str | None
) -> str | None:
    """Return what mo_asha judges trials by, beside the loss; None: nothing was named."""
    return named or cost_attr or elapsed_time_attr


def _levels(given: Arguments) -> tuple[int, ...]:
    last = given.max_resource or 0
    if given.rung_levels is not None:
        return explicit_levels(given.rung_levels, last)
    return rung_levels(given.min_resource, last, given.reduction_factor)


def _check_levels_are_known(name: str, given: Arguments) -> None:
    if given.resource_attr is None:
        raise UsageError(
            f"{name} compares trials at resource levels, and the benchmark has no resource_attr; "
            "set it to the metric that counts epochs, or choose --scheduler fifo"
        )
    if given.max_resource is None:
        raise UsageError(
            f"{name} compares trials up to a last resource level, and the benchmark has none; set "
            "max_resource_attr or give --max_resource_level, or choose --scheduler fifo"
        )
