"""Finding declarations: in conftests and plugins as pytest loads them, in installed packages late.

Installed benchmarks are entry points of the group ``synebench.benchmarks``. One is imported only
when something asks for it: a ``--synebench*`` option, an ordinary test that names it, or an
extension of it. What was found is kept in ``config.stash``, never in a module: one pytest run must
not see what another found.

Invariants (tests/plugin/test_loading.py):
- plain ``pytest`` imports no definition;
- an installed benchmark lies further away than any conftest, whenever it is imported.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from pytest_synebench.plugin import compat

if TYPE_CHECKING:
    from pytest_synebench.plugin.declaration import Declaration

GROUP = "synebench.benchmarks"
_FOUND = pytest.StashKey[dict[str, list["Declaration"]]]()
_LOADED = pytest.StashKey[dict[str, str]]()
_INSTALLED = pytest.StashKey[dict[str, str]]()


def found(config: pytest.Config) -> dict[str, list[Declaration]]:
    """Return the declarations of each benchmark seen so far, from afar to near."""
    return config.stash.setdefault(_FOUND, {})


def installed(config: pytest.Config) -> dict[str, str]:
    """Return the module of each installed benchmark, by name; nothing is imported."""
    if _INSTALLED not in config.stash:
        points = metadata.entry_points(group=GROUP)
        config.stash[_INSTALLED] = {point.name: point.module for point in points}
    return config.stash[_INSTALLED]


def take_in(config: pytest.Config, plugin: object) -> None:
    """Note the declarations of a plugin or conftest that pytest has just loaded."""
    for declaration in compat.walk_declarations(plugin):
        known = found(config).get(declaration.name, [])
        if declaration.extends and not known:
            load(config, [declaration.name])
        # An import above may have made the list: ask again.
        known = found(config).setdefault(declaration.name, [])
        if declaration not in known:
            known.append(declaration)


def load(config: pytest.Config, names: Iterable[str]) -> None:
    """Import the installed benchmarks of these names; other names are passed over."""
    for name in names:
        module = installed(config).get(name)
        if module is not None and name not in config.stash.setdefault(_LOADED, {}):
            config.stash[_LOADED][name] = module
            # As a plugin, so that pytest makes its fixtures visible everywhere.
            config.pluginmanager.import_plugin(module)


def put_in_order(session: pytest.Session) -> None:
    """Put installed benchmarks further away than the fixtures that extend or override them."""
    for name, module in session.config.stash.get(_LOADED, {}).items():
        compat.push_away(session, name, module)


def load_for_test(collector: pytest.Collector, function: object) -> None:
    """Import the benchmarks that a test function needs and no visible fixture is called."""
    code = getattr(function, "__code__", None)
    if code is None:
        return
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    for mark in getattr(function, "pytestmark", ()):
        if mark.name == "parametrize" and not mark.kwargs.get("indirect"):
            direct = compat.mark_argnames(mark)
            names = tuple(name for name in names if name not in direct)
    missing = compat.missing_fixtures(collector, names) if names else ()
    if missing:
        load(collector.config, missing)
        put_in_order(collector.session)
