"""Does the same with several things at once, in a few threads of its own, while its maker goes on.

On ``_thread``: to import ``threading`` costs a part of what a trial may spend. Standard library
only: this file travels into every trial.

Invariants (tests/checkpoints/test_together.py):
- ``wait`` returns once all is done, and raises the first error that one of them met; nothing more
  is begun after one;
- where the system gives no thread, whoever waits does all of it.
"""

from __future__ import annotations

import os
from _thread import allocate_lock, start_new_thread

from pytest_synebench.durable import sync_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

_SYNCS = 4  #: at once: a disk makes one of those that it is asked for together


class Together:
    """Begins when it is made; has ended when ``wait`` returns."""

    __slots__ = ("_raised", "_things", "_under_way", "_work")

    def __init__(self, work: Callable[[Any], object], things: Iterable[Any], threads: int) -> None:
        """Begin.

        Args:
            work: what to do with each of them.
            things: none of them is None.
            threads: that begin now; whoever waits is one more.
        """
        things = list(things)
        self._work = work
        self._things = iter(things)
        self._raised: list[BaseException] = []
        self._under_way: list[Any] = []
        for _ in range(min(threads, len(things))):
            done = allocate_lock()
            done.acquire()
            try:
                start_new_thread(self._run, (done,))
            except RuntimeError:  # as many as the system allows: those that there are do it
                break
            self._under_way.append(done)

    def wait(self) -> None:
        """Take part, and return once all is done.

        Raises:
            BaseException: what one of them raised.
        """
        self._work_off()
        for done in self._under_way:
            done.acquire()
        self._under_way.clear()
        if self._raised:
            raise self._raised[0]

    def _run(self, done: Any) -> None:
        try:
            self._work_off()
        finally:
            done.release()

    def _work_off(self) -> None:
        try:
            while not self._raised and (thing := next(self._things, None)) is not None:
                self._work(thing)
        except BaseException as error:
            self._raised.append(error)


def sync_together(paths: Iterable[str]) -> Together:
    """Begin to make files and directories durable; they are once ``wait`` has returned."""
    return Together(sync_file, paths, _SYNCS)


def sync_tree(top: str) -> None:
    """Make a directory durable with all that is below it; its own name is not yet.

    Raises:
        OSError: the disk refuses.
    """
    found = [
        os.path.join(folder, name) for folder, _, names in os.walk(top) for name in ("", *names)
    ]
    sync_together(found).wait()
