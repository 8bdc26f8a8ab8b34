"""The tree: a node per benchmark, a collector per experiment, pytest's own params in between.

    synebench::<benchmark>::<variant>-<scheduler>-<searcher>[-key=value…]-r<run_id>::trial[i]

With ``--synebench-verify-resume`` a check of each variant takes the place of its experiments, with
``--synebench-preflight`` a look at what its jobs need.

Experiments are made by pytest's own parametrisation of a synthetic test function that takes the
benchmark's fixture. So overriding, other fixtures as axes, marks and ``-k`` work because pytest
does them. Trials are collected before any of them runs, which xdist and ``--lf`` need.

Invariants (tests/plugin/test_collect.py):
- ids are the same with and without ``-n``, and no collector's name holds a ``[``;
- a broken definition is reported once, at collection where it needs nothing but parameters;
- collecting n trials costs O(n).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.errors import SynebenchError, UsageError
from pytest_synebench.experiment.assembly import build_scheduler
from pytest_synebench.experiment.plan.plan import Plan, setup_id, spelled
from pytest_synebench.plugin import compat, loading
from pytest_synebench.plugin.choice.chain import Chain
from pytest_synebench.plugin.choice.command_line import CHOSEN, picked_run_ids
from pytest_synebench.plugin.choice.selection import Selection, typed_of
from pytest_synebench.plugin.declaration import located
from pytest_synebench.plugin.gate import ask
from pytest_synebench.plugin.nodes import items, preflight
from pytest_synebench.plugin.nodes.experiment import Experiment
from pytest_synebench.plugin.nodes.parametrizing import visible
from pytest_synebench.plugin.nodes.resume import ResumeCheck


def homes(config: pytest.Config) -> dict[str, Path]:
    """Return the directory that each chosen benchmark hangs below.

    That is the invocation directory, whose conftest may extend the benchmark; or the directory of
    the conftest that declares it, where the invocation directory does not see it.
    """
    here = config.invocation_params.dir
    out = {}
    for name in config.stash[CHOSEN]:
        places = [Path(d.where.rpartition(":")[0]) for d in loading.found(config)[name]]
        hidden = [
            p.parent
            for p in places
            if p.name == "conftest.py" and p.parent not in (here, *here.parents)
        ]
        out[name] = hidden[0] if len(hidden) == len(places) else here
    return out


def entries(
    session: pytest.Session, found: Iterable[pytest.Collector | pytest.Item]
) -> list[pytest.Collector]:
    """Return what to add to the nodes that pytest found for its arguments."""
    return [
        Entry.from_parent(parent, name=name, nodeid=f"synebench::{name}")
        for name, parent in at_home(session, found)
    ]


class Entry(pytest.Collector):
    """Collects one benchmark. No ``File``: ``--lf`` skips files without failures of their own."""

    def collect(self) -> Iterator[pytest.Collector]:
        """Yield the experiments of the benchmark, below its node."""
        assert self.parent is not None  # noqa: S101 - it is made with one
        node = BenchmarkNode.from_parent(
            self.parent,
            path=self.config.invocation_params.dir,
            name=self.name,
            nodeid=f"synebench::{self.name}",
        )
        try:
            yield from node.collect()
        except SynebenchError as error:
            raise self.CollectError(str(error)) from None


class BenchmarkNode(compat.module_class()):  # type: ignore[misc] # a class made at run time
    """``synebench::<benchmark>``: what module-scoped fixtures of an experiment hang on."""

    def __init__(self, name: str, **more: Any) -> None:
        super().__init__(**more)
        self.name = name

    def collect(self) -> Iterator[pytest.Collector]:
        """Yield an experiment per selection, run id and combination of other fixtures' params."""
        prototypes, seen = self.prototypes()
        for prototype in prototypes:
            yield from self._experiments(prototype, seen)

    def prototypes(self) -> tuple[list[Any], Chain]:
        """Return a test function per selection and combination of params, and the benchmark."""
        prototypes = compat.expanded(self, "experiment", _asking_for(self.name))
        definitions = compat.fixture_info(prototypes[0]).name2fixturedefs
        seen = visible(definitions.get(self.name, ()), self.name)
        if seen is None:
            raise self.CollectError(
                f"benchmark {self.name!r} is not visible from {self.path}: a fixture of that name "
                "which is no benchmark stands in between"
            )
        return prototypes, seen

    def selected(self, prototype: pytest.Function) -> tuple[Selection, str]:
        """Return what a prototype selects, and its variant with other fixtures' params."""
        selection: Selection = compat.param(prototype, self.name)
        axes = compat.id_parts(prototype.callspec)[1:]
        return selection, "-".join([selection.variant, *axes])

    def _experiments(self, prototype: pytest.Function, seen: Chain) -> Iterator[pytest.Collector]:
        selection, variant = self.selected(prototype)
        if self_contained(prototype, seen):
            check_plan(seen, selection, variant)
        if self.config.option.synebench_verify_resume:
            yield from self._checks(prototype, selection, variant, seen)
            return
        setup = setup_id(variant, selection.params, selection.listed)
        for run_id in _run_ids(self.config, selection, setup):
            yield Experiment.from_parent(
                self,
                name=f"{setup}-r{run_id}",
                prototype=prototype,
                selection=selection,
                variant=variant,
                run_id=run_id,
                where=seen.where,
                make_items=self._make_items(),
            )

    def _make_items(self) -> Callable[[Experiment], Iterator[pytest.Item]]:
        if self.config.option.synebench_preflight:
            return preflight.of_experiment
        if not self.config.option.synebench_remote:
            return items.of_experiment
        from pytest_synebench.plugin.remote import submission

        return submission.of_experiment

    def _checks(
        self, prototype: pytest.Function, selection: Selection, variant: str, seen: Chain
    ) -> Iterator[ResumeCheck]:
        listed = [f"{key}={spelled(selection.params[key])}" for key in selection.listed]
        for run_id in typed_of(self.config).run_ids or picked_run_ids(self.config) or (0,):
            yield ResumeCheck.from_parent(
                self,
                name="-".join([spelled(variant), *listed, *([f"r{run_id}"] if run_id else [])]),
                prototype=prototype,
                selection=selection,
                variant=variant,
                run_id=run_id,
                where=seen.where,
            )


def at_home(
    session: pytest.Session, found: Iterable[pytest.Collector | pytest.Item]
) -> Iterator[tuple[str, pytest.Collector]]:
    """Yield each chosen benchmark and the node that it hangs below."""
    parents = {
        node.path: node
        for top in found
        for node in top.listchain()
        if isinstance(node, pytest.Directory)
    }
    for name, home in homes(session.config).items():
        yield name, parents.get(home, session)


def check_plan(seen: Chain, selection: Selection, variant: str) -> None:
    """Refuse what the definition or a plan refuses, already at collection.

    Raises:
        BenchmarkError: file, line, benchmark, field, value and the fix.
    """
    definition = seen.build(selection.params)
    try:
        plan = Plan(
            benchmark=seen.name,
            variant=variant,
            params=selection.params,
            definition=definition,
            listed=selection.listed,
            where=seen.where,
        )
        build_scheduler(plan)
    except UsageError as error:
        raise located(error, seen.declarations[0]) from None


def _run_ids(config: pytest.Config, selection: Selection, setup: str) -> tuple[int, ...]:
    asked = ask.run_ids(config, selection, setup)
    if asked is not None:
        return asked
    return typed_of(config).run_ids or picked_run_ids(config) or (0,)


def self_contained(prototype: pytest.Function, seen: Chain) -> bool:
    """Whether parameters are all it takes; a plain fixture laid over a benchmark needs pytest."""
    definitions = compat.fixture_info(prototype).name2fixturedefs[seen.name]
    plain = any(compat.declaration_of(one) is None for one in definitions)
    return seen.self_contained and not plain


def _asking_for(name: str) -> Any:
    def experiment() -> None: ...

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(name, kind)])
    experiment.__signature__ = signature  # type: ignore[attr-defined] # pytest reads it
    return experiment
