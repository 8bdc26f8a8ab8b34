"""The fixture ``synebench``: experiments inside of an ordinary test.

    def test_it_learns(synebench):
        result = synebench.run("lstm_wikitext2", variant="tiny", num_trials=4)
        assert result.best["objective"] > -60

Invariants (tests/plugin/test_fixture.py holds each one):
- a benchmark that the test takes as a fixture is run as it was made, its variant included;
- a benchmark of a conftest is known by its name;
- what ``--synebench-set`` and the ini file say holds where the test says nothing;
- a test that cannot wait is refused: ``async def``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_synebench.definition import Benchmark
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.assembly import Site
from pytest_synebench.experiment.conduct import conduct
from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.parameters import parse
from pytest_synebench.experiment.store.results import RunRecord
from pytest_synebench.plugin import compat, loading
from pytest_synebench.plugin.choice.chain import Chain, chain
from pytest_synebench.plugin.choice.selection import Selection, typed_of
from pytest_synebench.plugin.nodes import experiment as home
from pytest_synebench.plugin.nodes.collect import self_contained
from pytest_synebench.plugin.nodes.parametrizing import visible
from pytest_synebench.plugin.running import Layer, Request, Subject, of_chain, subject_of


class Synebench:
    """Runs experiments for one test; the fixture's value."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        if inspect.iscoroutinefunction(getattr(request, "function", None)):
            raise UsageError(
                f"{request.node.name} is async, and synebench.run() waits until an experiment is "
                "over, while nothing else could run; write def"
            )
        self._request = request
        self._config = request.config

    def run(
        self,
        benchmark: object,
        /,
        *,
        variant: str | None = None,
        run_id: int = 0,
        config_space: Mapping[str, Any] | None = None,
        resume: bool = False,
        storage: str | Path | None = None,
        progress: Callable[[str], object] = lambda _: None,
        **params: Any,
    ) -> RunRecord:
        """Run one experiment to its end: ``pytest_synebench.run``, which see.

        Args:
            benchmark: besides what ``run`` takes: one that this test has taken as a fixture.
            variant: as there.
            run_id: as there.
            config_space: as there.
            resume: as there.
            storage: as there; None: where ``--synebench`` keeps its runs.
            progress: as there.
            params: as there.

        Raises:
            UsageError: as there.
            RunError: as there.
            BackendError: as there.
        """
        plan = Request(params=params, run_id=run_id, config_space=config_space).plan(
            self._subject(benchmark, variant, params)
        )
        return conduct(
            plan,
            root=home.storage(self._config) if storage is None else Path(storage),
            resume=resume,
            site=Site(
                nursery=home.nursery(self._config), directory=self._config.invocation_params.dir
            ),
            progress=progress,
        )

    def _subject(
        self, benchmark: object, variant: str | None, params: Mapping[str, Any]
    ) -> Subject:
        if isinstance(benchmark, Benchmark):
            for name, value in self._request.node.funcargs.items():
                if value is benchmark:
                    return self._of_fixture(name, benchmark, variant, params)
            return subject_of(benchmark, variant)
        if isinstance(benchmark, str):
            loading.load(self._config, [benchmark])
            declarations = loading.found(self._config).get(benchmark)
            if declarations is not None:
                seen = chain(declarations)
                return of_chain(seen, variant, [self._typed(seen)])
        return subject_of(benchmark, variant)

    def _typed(self, seen: Chain) -> Layer:
        """Return what the command line and the ini file say of a benchmark's parameters."""
        values = {}
        for key, text in typed_of(self._config).texts(seen).items():
            several = parse(seen.table[key], text)
            if len(several) > 1:
                raise UsageError(
                    f"{key} has several values, {text!r}, and run() runs one experiment; give it "
                    f"one: run(..., {key}={several[0]!r})"
                )
            values[key] = several[0]
        return "command line and synebench_params", values

    def _of_fixture(
        self, name: str, benchmark: Benchmark, variant: str | None, params: Mapping[str, Any]
    ) -> Subject:
        """Return what the test has as a fixture: as it was made, unless it must be made anew."""
        item = self._request.node
        try:
            selection = compat.param(item, name)
        except (AttributeError, KeyError):  # a fixture of their own that returns a Benchmark
            selection = None
        seen = visible(compat.fixture_info(item).name2fixturedefs[name], name)
        if seen is None or not isinstance(selection, Selection):
            return subject_of(benchmark, variant)
        if variant not in (None, selection.variant):
            raise UsageError(
                f"variant is {variant!r}, and the fixture {name!r} of this test is "
                f"{selection.variant!r}; give the name instead: run({name!r}, variant={variant!r})"
            )
        made = [key for key in params if key in seen.table and _makes(key)]
        if made and not self_contained(item, seen):
            raise UsageError(
                f"benchmark {name!r} is made with {made[0]}, and of other fixtures, so run() "
                "cannot make it anew; have the test take it with another value: by a variant, or "
                f"by --synebench-set {made[0]}=..."
            )
        return Subject(
            name=seen.name,
            variant=selection.variant,
            where=seen.where,
            table=seen.table,
            layers=[(f"variant {selection.variant}", selection.params)],
            build=seen.build if made else lambda _: benchmark,
        )


def _makes(key: str) -> bool:
    """Whether a parameter is one that a benchmark's own function reads."""
    return key not in GLOBALS or key == "max_resource_level"
