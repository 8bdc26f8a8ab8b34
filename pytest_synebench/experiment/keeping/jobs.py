"""Work that waits for a network, in a few threads; what is done wakes whoever selects.

Invariants (tests/experiment/keeping/test_jobs.py):
- a job that is done is told by a descriptor that becomes readable: nobody asks again and again;
- what a job raises is its result, and ends nothing;
- ``close`` begins no further job, and returns once none runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Jobs(Generic[_T]):
    """A few threads, and the results that nobody has taken yet."""

    def __init__(self, threads: int) -> None:
        """Begin with nothing to do; a thread is made when there is work for it.

        Args:
            threads: that work at once, at most.
        """
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="synebench-keeping")
        self._done: SimpleQueue[_T | Exception] = SimpleQueue()
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def fileno(self) -> int:
        """Return the descriptor that is readable while there is a result."""
        return self._fd

    def submit(self, work: Callable[[], _T]) -> None:
        """Have something done in a thread."""
        self._pool.submit(self._run, work)

    def take(self) -> list[_T | Exception]:
        """Return what was done since the last time, and what was raised; waits for nothing."""
        out: list[_T | Exception] = []
        try:
            os.eventfd_read(self._fd)
        except BlockingIOError:
            return out
        try:
            while True:
                out.append(self._done.get_nowait())
        except Empty:
            return out

    def close(self) -> None:
        """Begin nothing more, and wait for what is being done. May be repeated."""
        if self._fd < 0:
            return
        self._pool.shutdown(wait=True, cancel_futures=True)
        os.close(self._fd)
        self._fd = -1

    def _run(self, work: Callable[[], _T]) -> None:
        try:
            done: _T | Exception = work()
        except Exception as error:
            done = error
        self._done.put(done)
        os.eventfd_write(self._fd, 1)
