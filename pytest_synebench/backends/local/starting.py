"""Where the processes of a run's attempts are made: forked from a warm one, or from nothing.

Invariants (tests/backends/local/test_starting.py holds each one):
- why attempts run cold is said once per reason, in one line;
- an interpreter, or a module to preload, that cannot be found is named before anything is started.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

from pytest_synebench.backends.supervision.imports import modules_of
from pytest_synebench.backends.supervision.keeper import Keeper
from pytest_synebench.backends.supervision.nursery import Nursery
from pytest_synebench.errors import UsageError

Launch = Literal["warm", "cold"]
_LEAST = ("pytest_synebench.training",)  #: what a warm process has, should a script import nothing


class Place(NamedTuple):
    """Where a process is made."""

    keeper: Keeper
    interpreter: str | None  #: None: it is forked


class Starting:
    """Chooses a place for each attempt of a run."""

    def __init__(
        self,
        script: Path,
        nursery: Nursery,
        *,
        launch: Launch,
        preload: Sequence[str],
        interpreter: str | None,
        remark: Callable[[str], None],
    ) -> None:
        """Take what ``LocalBackend`` was given.

        Raises:
            UsageError: a module to preload is not there.
        """
        self._script = script
        self._nursery = nursery
        self._warm = launch == "warm" and interpreter is None
        self._preload = tuple(preload)
        self._interpreter = interpreter or sys.executable
        self._modules: tuple[str, ...] = ()
        self._remark = remark
        self._said: set[str] = set()
        if launch == "warm" and interpreter is not None:
            self.say("its own interpreter")
        if self._warm:
            _check_modules(self._preload)

    def warm_or_cold(self) -> Place:
        """Return the place of an attempt.

        Raises:
            OSError: a supervisor cannot be started.
        """
        if not self._warm:
            return self.cold()
        if not self._modules:
            self._modules = modules_of(self._script, self._preload) or _LEAST
        keeper = self._nursery.keeper_for(self._modules)
        if not keeper.why_cold:
            return Place(keeper, None)
        self.say(keeper.why_cold)
        return self.cold()

    def cold(self) -> Place:
        """Return a place where an ordinary process is made.

        Raises:
            OSError: a supervisor cannot be started.
        """
        return Place(self._nursery.keeper_for(()), self._interpreter)

    def say(self, why: str) -> None:
        """Say why attempts run cold, unless it was said."""
        line = " ".join(why.split())
        if line not in self._said:
            self._said.add(line)
            self._remark(line)


def found(interpreter: str, environment: Mapping[str, str]) -> str:
    """Return the path of an interpreter that is given by path or command.

    Raises:
        UsageError: there is none; the text says where it was looked for.
    """
    path = shutil.which(interpreter, path=environment.get("PATH"))
    if path is None:
        where = "" if "/" in interpreter else " on the PATH"
        raise UsageError(
            f"the interpreter {interpreter!r} is not there{where}, or is no program that this "
            "user may run; name one that is"
        )
    return path


def _check_modules(names: Sequence[str]) -> None:
    for name in names:
        if not _is_there(name.partition(".")[0]):
            raise UsageError(
                f"the module {name!r} in preload is not there; Benchmark(preload=...) names "
                "modules that can be imported: correct the name, install it, or take it out"
            )


def _is_there(package: str) -> bool:
    """Whether this process can import it, or one that has the PYTHONPATH of now."""
    if not package or package in sys.modules:
        return bool(package)
    path = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    return bool(find_spec(package) or PathFinder.find_spec(package, path))
