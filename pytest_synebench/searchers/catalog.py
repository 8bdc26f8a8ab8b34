"""The searchers by the names a user types: ours, and those that installed packages register.

A package registers a searcher by an entry point of the group ``synebench.searchers``: a function
that takes a ``Problem`` and returns a ``Searcher``. Entry points are looked up only for a name that
is not one of ours, which therefore none can take.

Invariants (tests/searchers/test_catalog.py holds each one):
- an unknown name is refused, with the nearest known one, or with what replaces an old one;
- what a searcher needs and the benchmark or the machine lacks is refused before anything starts;
- no searcher's module, and no optional package, is imported for another searcher.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import metadata
from typing import Any

from pytest_synebench.errors import UsageError
from pytest_synebench.searchers.points import initial_configs
from pytest_synebench.searchers.problem import Problem
from pytest_synebench.searchers.protocol import Searcher
from pytest_synebench.space import ConfigSpace
from pytest_synebench.trial import Config

GROUP = "synebench.searchers"


def _random(problem: Problem) -> Searcher:
    from pytest_synebench.searchers.random_search import RandomSearch

    return RandomSearch(
        problem.space,
        seed=problem.seed,
        points=problem.points,
        allow_duplicates=problem.argument("allow_duplicates", False),  # noqa: FBT003 - a default
    )


def _grid(problem: Problem) -> Searcher:
    from pytest_synebench.searchers.grid import DEFAULT_NUM_SAMPLES, GridSearch

    return GridSearch(
        problem.space,
        seed=problem.seed,
        points=problem.points,
        num_samples=problem.argument("num_samples", DEFAULT_NUM_SAMPLES),
        shuffle=problem.argument("shuffle", True),  # noqa: FBT003 - a default
    )


def _sobol(problem: Problem) -> Searcher:
    from pytest_synebench.searchers.sobol import SobolSearch

    return SobolSearch(
        problem.space,
        seed=problem.seed,
        points=problem.points,
        allow_duplicates=problem.argument("allow_duplicates", False),  # noqa: FBT003 - a default
    )


def _evolution(problem: Problem) -> Searcher:
    from pytest_synebench.searchers.evolution import evolution

    return evolution(problem)


def _tpe(problem: Problem) -> Searcher:
    from pytest_synebench.searchers.model_based.optuna_sampling import tpe

    return tpe(problem)


def _gp(problem: Problem) -> Searcher:
    from pytest_synebench.searchers.model_based.optuna_sampling import gp

    return gp(problem)


def _cmaes(problem: Problem) -> Searcher:
    from pytest_synebench.searchers.model_based.cma_es import cmaes

    return cmaes(problem)


def _bayesopt_cost(problem: Problem) -> Searcher:
    from pytest_synebench.searchers.model_based.cost_aware import bayesopt_cost

    return bayesopt_cost(problem)


_MAKERS: dict[str, Callable[[Problem], Searcher]] = {
    "random": _random,
    "grid": _grid,
    "sobol": _sobol,
    "evolution": _evolution,
    "tpe": _tpe,
    "gp": _gp,
    "cmaes": _cmaes,
    "bayesopt_constrained": _gp,
    "bayesopt_cost": _bayesopt_cost,
}
NAMES = tuple(_MAKERS)
#: Asks a process, so it is no function that could be made here: see ``experiment/external``.
EXTERNAL = "external"
#: Names that the system we succeed used for the same.
ALIASES = {"bayesopt": "gp"}
#: Names of the system we succeed, and of its relatives, that no searcher here has.
REPLACED = {
    "ax": "gp",
    "bayesopt_cost_coarse": "bayesopt_cost",
    "bayesopt_cost_fine": "bayesopt_cost",
    "bohb": "tpe",
    "bore": "tpe",
    "botorch": "gp",
    "cqr": "gp",
    "hyperopt": "tpe",
    "kde": "tpe",
    "mobster": "gp",
    "optuna": "tpe",
    "rea": "evolution",
    "regularized_evolution": "evolution",
    "skopt": "gp",
}
#: What a searcher needs of the benchmark, and what that is.
_NEEDS = {
    "bayesopt_constrained": ("constraint_attr", "the key of the reports that must be <= 0"),
    "bayesopt_cost": ("cost_model", "what says the cost of a config"),
}


def registered() -> tuple[str, ...]:
    """Return the names that installed packages register; nothing of theirs is imported."""
    return tuple(
        sorted(
            {point.name for point in metadata.entry_points(group=GROUP)}
            - {*NAMES, *ALIASES, EXTERNAL}
        )
    )


def check_name(name: str) -> None:
    """Refuse a name that no searcher has.

    Raises:
        UsageError: with the names there are, and the nearest, or what replaces an old name.
    """
    if name in _MAKERS or name in ALIASES or name == EXTERNAL:
        return
    if name in (known := registered()):
        return
    if (instead := _replacement(name)) is not None:
        raise UsageError(f"there is no searcher {name!r} here; what replaces it is {instead!r}")
    names = (*NAMES, EXTERNAL, *known)
    near = get_close_matches(str(name), (*names, *ALIASES), n=1)
    raise UsageError(
        f"no searcher is called {name!r}; known: {', '.join(names)}"
        + (f". Did you mean {near[0]!r}?" if near else "")
    )


def _replacement(name: str) -> str | None:
    bare = str(name).lower().replace("-", "_").removeprefix("raytune_")
    if bare in REPLACED:
        return REPLACED[bare]
    bare = ALIASES.get(bare, bare)
    return bare if bare in _MAKERS else None


def check_needs(
    name: str, *, constraint_attr: str | None = None, cost_model: object | None = None
) -> None:
    """Refuse a searcher that needs of the benchmark what it does not have.

    Raises:
        UsageError: with what is missing.
    """
    has = {"constraint_attr": constraint_attr, "cost_model": cost_model}
    needed, meaning = _NEEDS.get(name, ("", ""))
    if needed and has[needed] is None:
        raise UsageError(
            f"searcher {name} needs {needed}, {meaning}, and the benchmark has none; add "
            f"{needed}=... to its Benchmark, or choose --searcher gp"
        )


def build(
    name: str,
    space: ConfigSpace,
    *,
    seed: int,
    points_to_evaluate: Sequence[Config] | None = None,
    levels: bool = True,
    constraint_attr: str | None = None,
    cost_model: object | None = None,
    **arguments: Any,
) -> Searcher:
    """Return a searcher.

    Args:
        name: one of ``NAMES``, ``ALIASES`` or ``registered()``.
        space: the configuration space.
        seed: what chance depends on.
        points_to_evaluate: configs to suggest first, whole or partial; None: the midpoint.
        levels: whether trials report at several levels, not at one only.
        constraint_attr: key of the reports that must be <= 0; None: the benchmark names none.
        cost_model: the benchmark's, where it has one.
        arguments: what the parameters ``searcher_NAME`` say, as NAME; each takes what it knows.

    Raises:
        UsageError: no searcher has the name, an argument breaks its rule, or something is missing
            that the searcher needs.
    """
    check_name(name)
    name = ALIASES.get(name, name)
    check_needs(name, constraint_attr=constraint_attr, cost_model=cost_model)
    problem = Problem(
        space=space,
        seed=seed,
        points=initial_configs(space, points_to_evaluate),
        levels=levels,
        constraint_attr=constraint_attr,
        cost_model=cost_model,
        arguments=arguments,
    )
    return _maker(name)(problem)


def _maker(name: str) -> Callable[[Problem], Searcher]:
    if name in _MAKERS:
        return _MAKERS[name]
    if name == EXTERNAL:
        raise UsageError(
            f"searcher {name!r} is a process, which only an experiment starts: it is asked by "
            "pytest_synebench.experiment.external.searcher, and this makes pure searchers"
        )
    (point, *_) = metadata.entry_points(group=GROUP, name=name)
    try:
        maker: Callable[[Problem], Searcher] = point.load()
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"searcher {name!r} is registered as {point.value!r}, which cannot be imported: "
            f"{error}; mend or remove the package that registers it"
        ) from error
    return maker
