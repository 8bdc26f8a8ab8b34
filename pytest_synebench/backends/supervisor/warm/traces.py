"""What imports do to the process they are made in, beside loading modules.

An attempt that imports for itself has all of it: the numbers that were drawn, the variables that
were set. A copy of a warm process has it only where it is brought along, and where it cannot be,
the process is not copied.

Invariants (tests/backends/supervisor/warm/test_traces.py holds each one):
- an import that draws from a global generator, changes the folder or the umask, is named;
- libraries that draw nothing are no reason: numpy, pandas, scipy, torch;
- variables that imports set, change or remove are so in every copy, ours (SYNEBENCH_*) excepted;
- where the trial has another value of such a variable than the warm process had, it runs cold.
"""

from __future__ import annotations

import os
import sys

from pytest_synebench.training.seeding import seed_everything, stop_waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_SEED = 0x73796E65  # nobody seeds with it at import
_OURS = "SYNEBENCH_"


class Watch:
    """Sees what imports do to generators, the folder and the umask."""

    def __init__(self) -> None:
        """Seed the generators, those of numpy and torch as soon as they are loaded."""
        import random

        seed_everything(_SEED)
        self._random = random
        self._numbers = random.getstate()
        self._folder = _folder()
        self._umask = _umask()

    def seen(self) -> str:
        """Return what has been done, as the end of a sentence, or ""."""
        if self._random.getstate() != self._numbers or _numpy_drew() or _torch_drew():
            return "draws random numbers"
        if _folder() != self._folder:
            return "changes the folder"
        return "changes the umask" if _umask() != self._umask else ""

    def end(self) -> None:
        """Seed no library that is loaded from now on."""
        stop_waiting()


class ImportedEnvironment:
    """What imports did to the environment."""

    def __init__(self) -> None:
        """Begin with nothing done."""
        self._before: dict[str, str] | None = None
        self._changed: dict[str, str | None] = {}

    def begin(self) -> None:
        """Remember the environment of now."""
        self._before = dict(os.environ)

    def end(self) -> None:
        """Keep the difference; what is done from now on is not carried along."""
        names = {*self.before, *os.environ}
        self._changed = {
            name: os.environ.get(name)
            for name in names
            if os.environ.get(name) != self.before.get(name) and not name.startswith(_OURS)
        }

    @property
    def before(self) -> Mapping[str, str]:
        """The environment before the imports; of now, where there were none."""
        return os.environ if self._before is None else self._before

    def refusal(self, wanted: Mapping[str, str]) -> str:
        """Return "" or why it is unknown what the imports would do to an environment."""
        for name in sorted(self._changed):
            if wanted.get(name) != self.before.get(name):
                return f"an import changes {name}, and the trial's is another to begin with"
        return ""

    def over(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Return an environment as the imports would leave it."""
        after = {**wanted, **self._changed}
        return {name: value for name, value in after.items() if value is not None}


ENVIRONMENT = ImportedEnvironment()  #: of this process


def _folder() -> tuple[int, int]:
    there = os.stat(".")  # noqa: PTH116 - it has no name where it was removed
    return there.st_dev, there.st_ino


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _numpy_drew() -> bool:
    generators: Any = sys.modules.get("numpy.random")
    try:
        return generators is not None and _words(generators) != _words(
            generators.RandomState(_SEED)
        )
    except Exception:  # a module that only has the name, or was left half imported
        return False


def _words(generator: Any) -> tuple[Any, ...]:
    name, *state = generator.get_state()
    return (name, state[0].tobytes(), *state[1:])


def _torch_drew() -> bool:
    torch: Any = sys.modules.get("torch")
    try:
        if torch is None:
            return False
        fresh = torch.Generator().manual_seed(_SEED).get_state()
        return not torch.equal(torch.get_rng_state(), fresh)
    except Exception:  # as above
        return False
