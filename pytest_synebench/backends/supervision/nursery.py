"""The supervisors of one pytest session, shared by its experiments.

Invariants (tests/backends/supervision/test_nursery.py holds each one):
- equal modules have one supervisor, which is made when it is first asked for;
- one that died is replaced when it is next asked for, but not one that its imports ended.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from pytest_synebench.backends.supervision.keeper import Keeper
from pytest_synebench.errors import BackendError


class Nursery:
    """Supervisors by what they have imported."""

    def __init__(self, *, log_directory: Path | None = None) -> None:
        """Be ready; ``log_directory`` is where files without a name stand."""
        self._log_directory = log_directory
        self._keepers: dict[tuple[str, ...], Keeper] = {}
        self._former: list[Keeper] = []  #: dead; others may still look at their descriptors
        self._closed = False

    def keeper_for(self, modules: tuple[str, ...]) -> Keeper:
        """Return the supervisor that has imported, or is importing, these; () the bare one.

        Its ``why_cold`` may say that nothing can be forked from it.

        Raises:
            OSError: a supervisor cannot be started.
            BackendError: the nursery is closed.
        """
        if self._closed:
            raise BackendError("no attempt can be started: the nursery is closed")
        keeper = self._keepers.get(modules)
        if keeper is not None:
            keeper.receive()  # whether it still lives
            if not keeper.dead or keeper.why_cold:
                return keeper
            self._former.append(keeper)
        keeper = self._keepers[modules] = Keeper(modules, log_directory=self._log_directory)
        return keeper

    def close(self) -> None:
        """Let all supervisors end, with all that they made. May be repeated.

        Raises:
            BackendError: something does not end; the text names its number.
        """
        self._closed = True
        with ExitStack() as each:  # so that one that fails keeps no other
            for keeper in (*self._former, *self._keepers.values()):
                each.callback(keeper.close)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()
