"""Seeds the global generators of an attempt: Python's at once, numpy's and torch's on import.

A library that the script has not imported is not imported for its seed: a hook seeds it right
after its import, before the next line of whoever imported it.

Invariants (tests/training/test_seeding.py holds each one):
- after ``seed_everything`` equal seeds give equal numbers, whenever the library is imported;
- the module that the script gets is the library's own: loader, spec and file are untouched;
- once a library is seeded, nothing of ours is left in its way;
- the last seed is the one that holds, also for a library that is not imported yet.

``numpy.random.default_rng()`` without an argument asks the operating system and cannot be seeded
from outside: a script that wants to be repeatable passes it a number.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

#: Module in which a library's global generator lives, and its function that takes the seed.
SEEDERS = {"numpy.random": "seed", "torch": "manual_seed"}


def seed_everything(seed: int) -> None:
    """Seed Python's generator now, numpy's and torch's now or right after their import.

    Args:
        seed: 0 <= seed < 2**32 (numpy takes no more).
    """
    import random

    stop_waiting()
    random.seed(seed)
    waiting = {}
    for name, function in SEEDERS.items():
        if name in sys.modules:
            getattr(sys.modules[name], function)(seed)
        else:
            waiting[name] = function
    if waiting:
        sys.meta_path.insert(0, _SeedOnImport(waiting, seed))


def stop_waiting() -> None:
    """Seed no library that is imported from now on."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _SeedOnImport)]


class _SeedOnImport:
    """A finder that finds nothing by itself: it asks the others and adds the seeding."""

    def __init__(self, waiting: dict[str, str], seed: int) -> None:
        self._waiting = waiting
        self._seed = seed

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self._waiting:
            return None
        for finder in sys.meta_path:
            if finder is not self:
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    self._seed_after(spec)
                    return spec
        return None

    def _seed_after(self, spec: ModuleSpec) -> None:
        loader = spec.loader
        # An attribute of this one loader object, not a wrapper: whoever asks the module for its
        # loader (importlib.resources, inspect) meets the real one.
        if loader is None or not hasattr(loader, "__dict__"):
            return
        execute: Callable[[ModuleType], None] = loader.exec_module

        def execute_and_seed(module: ModuleType) -> None:
            del loader.exec_module
            execute(module)
            self._done(module)

        loader.exec_module = execute_and_seed  # type: ignore[method-assign]

    def _done(self, module: ModuleType) -> None:
        function = self._waiting.pop(module.__name__)
        getattr(module, function)(self._seed)
        if not self._waiting and self in sys.meta_path:
            sys.meta_path.remove(self)
