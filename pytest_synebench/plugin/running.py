"""``run()``: an experiment without pytest's items, for scripts, notebooks and ordinary tests.

It takes what the command line takes, by the same names, through the same table, and leaves the same
directory behind. Values are Python's own: ``num_trials=8``, not ``"8"``.

Invariants (tests/plugin/test_running.py holds each one):
- a wrong name or value is refused before anything starts, with the rule and the nearest name;
- what is given beats the variant, which beats the benchmark, which beats the global table;
- a run that was interrupted goes on by ``resume=True``, here or on the command line;
- inside of a trial it is refused: a trial that starts trials has no end.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pytest_synebench.definition import Benchmark, Variant
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.conduct import conduct
from pytest_synebench.experiment.plan.parameter_table import declared, resolve
from pytest_synebench.experiment.plan.parameters import Parameter, near
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.store.results import RunRecord
from pytest_synebench.plugin.choice.chain import Chain, chain
from pytest_synebench.plugin.declaration import Declaration

Layer = tuple[str, Mapping[str, Any]]
_ATTEMPT = "SYNEBENCH_ATTEMPT"
_OFFSET = "random_seed_offset"
#: What the command line has and a single run has not, and what to write instead.
_INSTEAD = {
    "num_runs": "call run() once for each run_id",
    "argument_groups": "call run() once for each setup",
    "audit": "pytest --synebench NAME --synebench-resume --audit checks a finished run",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A benchmark as ``run()`` was given it: what it is called, and how it is made."""

    name: str
    variant: str
    where: str
    table: Mapping[str, Parameter]
    layers: Sequence[Layer]  #: below what ``run()`` is given, from the strongest down
    build: Callable[[Mapping[str, Any]], Benchmark]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What ``run()`` was given besides the benchmark and its variant."""

    params: Mapping[str, Any]
    run_id: int = 0
    config_space: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if type(self.run_id) is not int:
            raise UsageError(f"run_id is {self.run_id!r}; it must be one integer from 0 up")
        for key in self.params:
            if key in _INSTEAD:
                raise UsageError(f"run() has no {key}, it runs one experiment: {_INSTEAD[key]}")

    def plan(self, subject: Subject) -> Plan:
        """Return what is to be run.

        Raises:
            UsageError: a parameter or an entry of the space is unknown, or breaks its rule.
        """
        if _ATTEMPT in os.environ:
            raise UsageError(
                f"run() was called inside of a trial ({_ATTEMPT} is set), which would start trials "
                "without end; call it from a script that no benchmark names as its own"
            )
        given = dict(self.params)
        if given.get(_OFFSET) == "random":
            given[_OFFSET] = secrets.randbelow(2**32)
        whose = f"benchmark {subject.name!r}"
        params = resolve(subject.table, [("run()", given), *subject.layers], whose)
        return Plan(
            benchmark=subject.name,
            variant=subject.variant,
            params=params,
            definition=self._narrowed(subject, subject.build(params)),
            run_id=self.run_id,
            where=subject.where,
        )

    def _narrowed(self, subject: Subject, definition: Benchmark) -> Benchmark:
        if not self.config_space:
            return definition
        for key in self.config_space:
            if key not in definition.config_space:
                known = tuple(definition.config_space)
                raise UsageError(
                    f"config_space of run() has {key!r}, which benchmark {subject.name!r} has not."
                    f"{near(key, known)} Its keys: {', '.join(known)}"
                )
        merged = {**definition.config_space, **self.config_space}
        return replace(definition, config_space=merged)


def run(
    benchmark: object,
    /,
    *,
    variant: str | None = None,
    run_id: int = 0,
    config_space: Mapping[str, Any] | None = None,
    resume: bool = False,
    storage: str | Path = ".synebench",
    progress: Callable[[str], object] = lambda _: None,
    **params: Any,
) -> RunRecord:
    """Run one experiment to its end, and return it as ``load_runs`` would.

    Args:
        benchmark: the name of an installed one, what ``@benchmark`` or ``extend`` has made, or a
            ``Benchmark``.
        variant: which one, where several run by default.
        run_id: equal setups of different run ids differ in their seed alone.
        config_space: entries laid over the benchmark's own.
        resume: go on with the newest run of this setup and run id, if there is one.
        storage: the directory of runs; the command line's is ``.synebench`` in the root directory.
        progress: takes a line for people at a time; ``print`` will do.
        params: as on the command line: ``scheduler="asha_promotion", num_trials=8``.

    Raises:
        UsageError: a name or value breaks its rule; nothing was started.
        RunError: the directory cannot be written, or another session has the run.
        BackendError: nothing can be started here.
    """
    request = Request(params=params, run_id=run_id, config_space=config_space)
    plan = request.plan(subject_of(benchmark, variant))
    return conduct(plan, root=Path(storage), resume=resume, progress=progress)


def subject_of(benchmark: object, variant: str | None) -> Subject:
    """Return what ``run()`` was given as its benchmark.

    Raises:
        UsageError: it is none of the three, or the variant is unknown or not said.
    """
    if isinstance(benchmark, Benchmark):
        return of_record(benchmark, variant)
    if isinstance(benchmark, str):
        return of_chain(chain(installed(benchmark)), variant)
    declaration = getattr(benchmark, "__dict__", {}).get("__synebench__")
    if not isinstance(declaration, Declaration):
        raise UsageError(
            f"run() was given {benchmark!r}; it takes the name of a benchmark, what @benchmark has "
            "made, or a Benchmark(...)"
        )
    further = installed(declaration.name) if declaration.extends else []
    return of_chain(chain([*further, declaration]), variant)


def of_record(benchmark: Benchmark, variant: str | None) -> Subject:
    """Return a benchmark without a name or parameters of its own: it is called by its script."""
    if variant is not None:
        raise UsageError(
            f"variant is {variant!r}, and a Benchmark(...) has none; name the benchmark that has"
        )
    return Subject(
        name=benchmark.script.stem,
        variant="base",
        where=str(benchmark.script),
        table=declared({}),
        layers=(),
        build=lambda _: benchmark,
    )


def of_chain(seen: Chain, variant: str | None, above: Sequence[Layer] = ()) -> Subject:
    """Return a declared benchmark in one of its variants.

    Raises:
        UsageError: the variant is unknown or not said, or only pytest can make the benchmark.
    """
    if not seen.self_contained:
        raise UsageError(
            f"benchmark {seen.name!r} ({seen.where}) takes fixtures, which only pytest can make; "
            "run it by pytest --synebench, or take it as an argument of the test"
        )
    chosen = _variant(seen, variant)
    return Subject(
        name=seen.name,
        variant=chosen.id,
        where=seen.where,
        table=seen.table,
        layers=[*above, (f"variant {chosen.id}", chosen.overrides)],
        build=seen.build,
    )


def _variant(seen: Chain, named: str | None) -> Variant:
    known = ", ".join(seen.variants)
    if named is None:
        default = [one for one in seen.variants.values() if not one.on_request]
        if len(default) != 1:
            first = next(iter(seen.variants))
            raise UsageError(
                f"benchmark {seen.name!r} has several variants, and run() runs one: {known}; "
                f"say which: variant={first!r}"
            )
        return default[0]
    if named not in seen.variants:
        hint = near(str(named), tuple(seen.variants))
        raise UsageError(f"benchmark {seen.name!r} has no variant {named!r}; known: {known}.{hint}")
    return seen.variants[named]


def installed(name: str) -> list[Declaration]:
    """Return the declarations of an installed benchmark.

    Raises:
        UsageError: none is called so; the nearest that is.
    """
    from importlib import import_module, metadata

    from pytest_synebench.plugin.compat import walk_declarations

    points = {one.name: one.module for one in metadata.entry_points(group="synebench.benchmarks")}
    if name not in points:
        close = get_close_matches(name, points, n=1)
        raise UsageError(
            f"no installed benchmark is called {name!r}."
            + (f" Did you mean {close[0]!r}?" if close else f" Known: {', '.join(sorted(points))}")
        )
    return [one for one in walk_declarations(import_module(points[name])) if one.name == name]
