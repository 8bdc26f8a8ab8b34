"""The plugin's entry point: what pytest calls in every session. Thin; everything is elsewhere.

Without a ``--synebench*`` option, and without a test that names a benchmark, nothing below is
imported: no definition, no experiment, no numpy.

Invariants (tests/plugin/test_unused.py):
- a session that uses no benchmark imports neither numpy nor anything of the experiment floor;
- what is imported is imported as it was compiled, not rewritten; the suites of testing/ are.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from pytest_synebench.plugin import compat, loading
from pytest_synebench.plugin.choice import alone, options

_MARKERS = (
    "synebench(benchmark, variant, scheduler, searcher, run_id): items of an experiment",
    "synebench_gate(tolerance): on a variant, the shift of its metric that the gate puts up with",
)


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the options that are always there."""
    compat.import_as_compiled(pluginmanager)
    options.add_static(parser)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, object, object]:
    """Find what is asked for before the conftests are loaded, and its options after."""
    if early_config.known_args_namespace.synebench_reap is not None:
        with compat.located_imports(early_config):
            result = yield
        from pytest_synebench.plugin.session import reaping

        with usage_errors():
            reaping.add_options(early_config, parser)
        early_config.pluginmanager.register(reaping, "synebench-reaping")
        return result
    if not _asked_for(early_config, args):
        with compat.located_imports(early_config):
            result = yield
        with usage_errors():
            alone.refuse(early_config, parser)
        return result
    from pytest_synebench.plugin.session import start

    with usage_errors():
        start.before_conftests(early_config, parser, args)
    with compat.located_imports(early_config):
        result = yield
    with usage_errors():
        start.after_conftests(early_config, parser, args)
    from pytest_synebench.plugin.session import hooks

    early_config.pluginmanager.register(hooks, "synebench-session")
    return result


def _asked_for(config: pytest.Config, args: list[str]) -> bool:
    known = config.known_args_namespace
    asked = (known.synebench, known.synebench_list, known.synebench_save, known.synebench_compare)
    if any(asked) or known.synebench_attach:
        return True
    return any(options.is_node_id(args, i) for i in range(len(args)))


def usage_errors() -> AbstractContextManager[None]:
    """Turn our usage errors into pytest's, which end it with exit code 4."""
    return compat.translated()


def pytest_plugin_registered(plugin: object, manager: pytest.PytestPluginManager) -> None:
    """Note the benchmarks that a plugin or conftest declares."""
    config = manager.get_plugin("pytestconfig")
    if config is not None:
        with usage_errors():
            loading.take_in(config, plugin)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.fixture
def synebench(request: pytest.FixtureRequest) -> Any:
    """Runs experiments inside of an ordinary test: ``synebench.run(benchmark, ...)``."""
    from pytest_synebench.plugin.fixture import Synebench

    return Synebench(request)


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Put installed benchmarks further away than what extends them."""
    loading.put_in_order(session)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: object) -> None:
    """Import an installed benchmark that a test function names."""
    if collector.istestfunction(obj, name):
        loading.load_for_test(collector, obj)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> Generator[None, None, None]:
    """Parametrise benchmarks: by their selections, or by what the test says."""
    if not compat.takes_benchmark(metafunc):
        return (yield)
    from pytest_synebench.plugin.nodes import parametrizing

    parametrizing.parametrize(metafunc)
    yield
    parametrizing.settle(metafunc)
    return None
