"""Every private name of pytest that the plugin needs, in one place: change a pytest, look here.

Written against pytest 9.0 to 9.2. What a name is needed for stands with it; nothing else in the
project reaches below pytest's public names.

Invariants (tests/plugin/test_compat.py):
- the private names of pytest occur in this file and nowhere else in the package.
"""

from __future__ import annotations

import contextlib
import dataclasses
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from _pytest.config import ConftestImportFailure as _ConftestImportFailure

from pytest_synebench.errors import BenchmarkError, SynebenchError


def import_as_compiled(manager: pytest.PytestPluginManager) -> None:
    """Have our own modules imported like any others; ``testing`` asks for what it asserts with.

    pytest rewrites the asserts in all modules of a package that has a plugin. Where it may not keep
    what it has made (an image's PYTHONDONTWRITEBYTECODE, folders of another user) it would compile
    a hundred modules anew in every session.
    """
    hook = manager.rewrite_hook
    marked: set[str] = getattr(hook, "_must_rewrite", set())  # with --assert=plain there is none
    if "pytest_synebench" in marked:
        marked.remove("pytest_synebench")
        hook.mark_rewrite()  # which forgets what was asked about it before


def module_class() -> type[pytest.Module]:
    """Return a ``Module`` over no file: ``_getobj`` is where pytest would import one."""

    class SyntheticModule(pytest.Module):
        def _getobj(self) -> types.ModuleType:
            return types.ModuleType(self.name)

    return SyntheticModule


def expanded(module: pytest.Module, name: str, function: Callable[..., None]) -> list[Any]:
    """Return the items that pytest makes of a function: its fixtures' params multiplied."""
    setattr(module.obj, name, function)
    return list(module._genfunctions(name, function))


def fixture_definitions(metafunc: pytest.Metafunc) -> Mapping[str, Sequence[Any]]:
    """Return the fixture definitions that a test function sees, by name, from afar to near."""
    chains: Mapping[str, Sequence[Any]] = metafunc._arg2fixturedefs
    return chains


def calls(metafunc: pytest.Metafunc) -> Sequence[Any]:
    """Return the parametrised calls that were made of a test function so far."""
    made: Sequence[Any] = metafunc._calls
    return made


def fixture_value(item: pytest.Function, name: str) -> Any:
    """Return the value that a fixture has for an item that has been set up."""
    return item.funcargs[name]


def param(item: pytest.Function, name: str) -> Any:
    """Return what an item's call gives a fixture as its param."""
    return item.callspec.params[name]


def id_parts(callspec: Any) -> tuple[str, ...]:
    """Return one id per ``parametrize`` call, in order; ``callspec.id`` has them joined."""
    return tuple(callspec._idlist)


def with_id(callspec: Any, part: str | None, marks: Sequence[Any]) -> Any:
    """Return the same parameters under another id (None: none), with these marks."""
    return dataclasses.replace(callspec, _idlist=() if part is None else (part,), marks=list(marks))


def fixture_info(item: pytest.Function) -> Any:
    """Return what pytest found out about an item's fixtures, so that it is not asked again."""
    return item._fixtureinfo


def missing_fixtures(node: pytest.Collector, names: Iterable[str]) -> list[str]:
    """Return the names, and those their fixtures ask for, that no fixture visible here has.

    An override that asks for its own name is missing what it overrides.
    """
    manager = node.session._fixturemanager
    missing, todo, seen = [], list(names), {"request"}
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        definitions = manager.getfixturedefs(name, node)
        if not definitions or name in definitions[0].argnames:
            missing.append(name)
        for definition in definitions or ():
            todo += definition.argnames
    return missing


def push_away(session: pytest.Session, name: str, module: str) -> None:
    """Put a module's fixture behind those of the same name that others define.

    pytest takes what is registered later for what is nearer.
    """
    manager = session._fixturemanager
    by_node = getattr(manager, "_arg2node2fixturedefs", None)
    if by_node is not None:  # from near to afar
        by_node.get(name, {}).get(session, []).sort(key=lambda one: one.func.__module__ == module)
    else:  # before 9.1: one list, from afar to near
        every: Any = getattr(manager, "_arg2fixturedefs", {})
        every.get(name, []).sort(key=lambda one: one.func.__module__ != module)


def declaration_of(definition: Any) -> Any:
    """Return what ``@benchmark`` or ``extend`` left on a fixture's function, or None."""
    return getattr(definition.func, "__synebench__", None)


def takes_benchmark(metafunc: pytest.Metafunc) -> bool:
    """Whether a test function takes a fixture that is a benchmark, directly or not."""
    chains = fixture_definitions(metafunc).values()
    return any(declaration_of(one) is not None for chain in chains for one in chain)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn our errors into pytest's usage error: a message, and exit code 4."""
    try:
        yield
    except SynebenchError as error:
        raise pytest.UsageError(str(error)) from None


@contextlib.contextmanager
def located_imports(config: pytest.Config) -> Iterator[None]:
    """Turn a definition error in a conftest into its message alone: it says file and line."""
    try:
        yield
    except _ConftestImportFailure as error:
        # --help shows what it can, with a warning.
        if config.known_args_namespace.help or not isinstance(error.cause, BenchmarkError):
            raise
        raise pytest.UsageError(str(error.cause)) from None


def option_names(parser: pytest.Parser) -> set[str]:
    """Return every option string that some plugin has taken."""
    taken = getattr(parser, "_opt2dest", None)
    if taken is not None:
        return set(taken)
    groups: Any = [*parser._groups, parser._anonymous]  # before 9.1
    return {name for group in groups for option in group.options for name in option.names()}


def terminal_file(writer: Any) -> Any:
    """Return the stream below a terminal writer, for cursor movements."""
    return writer._file


def walk_declarations(plugin: object) -> Iterator[Any]:
    """Yield what ``@benchmark`` and ``extend`` left on the fixtures of a plugin module."""
    if not isinstance(plugin, types.ModuleType) or plugin.__name__.startswith("_pytest."):
        return
    for value in list(vars(plugin).values()):
        # vars, never getattr: a module may hold objects that answer to every name.
        declaration = getattr(value, "__dict__", {}).get("__synebench__")
        if declaration is not None and isinstance(value, _FIXTURE):
            yield declaration


_FIXTURE = type(pytest.fixture(lambda: None))


def mark_argnames(mark: pytest.Mark) -> Sequence[str]:
    """Return the names that a ``parametrize`` mark parametrises."""
    names = mark.args[0] if mark.args else mark.kwargs.get("argnames", ())
    return [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)


def hand_out_next(scheduler: Any, worker: Any) -> None:
    """Have pytest-xdist's scheduler by scopes hand out the first scope of its queue."""
    scheduler._assign_work_unit(worker)


def hand_out_more(scheduler: Any, worker: Any) -> None:
    """Have it hand out more where a worker is about to run dry, or end the worker."""
    scheduler._reschedule(worker)


def skip_here(reason: str) -> BaseException:
    """Return a skip that is reported at its item's place instead of at the line that raises."""
    skipped: BaseException = pytest.skip.Exception(reason, _use_item_location=True)
    return skipped


def capture_off(config: pytest.Config) -> contextlib.AbstractContextManager[None]:
    """Return a context in which what is written reaches the terminal, in a test as well."""
    manager = config.pluginmanager.get_plugin("capturemanager")
    if manager is None:
        return contextlib.nullcontext()
    context: contextlib.AbstractContextManager[None] = manager.global_and_fixture_disabled()
    return context
