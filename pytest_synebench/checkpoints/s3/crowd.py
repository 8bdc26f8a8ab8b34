"""Does the same with many files at once: a request takes long, and a small file little memory.

Invariant (tests/checkpoints/s3/test_crowd.py): the bytes of all files that are under way at once
are no more than ``MOST_BYTES``, or those of one file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pytest_synebench.checkpoints.hashing import PART_BYTES
from pytest_synebench.checkpoints.s3.pace import MOST
from pytest_synebench.checkpoints.together import Together

MOST_BYTES = 4 * PART_BYTES  #: as a long file has under way in parts


def at_once(work: Callable[[str], object], sizes: Mapping[str, int]) -> None:
    """Return once all is done; nothing more is begun after an error.

    Args:
        work: what to do with each file.
        sizes: of the files, in bytes, by their names.

    Raises:
        BaseException: the first that one of them raised.
    """
    for count, names in _crowds(sizes):
        # Whoever waits takes part.
        Together(work, names, count - 1).wait()


def _crowds(sizes: Mapping[str, int]) -> list[tuple[int, list[str]]]:
    """Return how many at once, and of which files: of as many small ones as there may be requests.

    >>> _crowds({"a": 5, "b": 3 << 20, "c": 300 << 20, "d": 2 << 20})
    [(16, ['a', 'd']), (4, ['b']), (1, ['c'])]
    """
    limits = [(MOST, MOST_BYTES // MOST), (MOST_BYTES // PART_BYTES, PART_BYTES)]
    crowds: list[tuple[int, list[str]]] = [(count, []) for count, _ in [*limits, (1, 0)]]
    for name, size in sizes.items():
        fitting = sum(size > limit for _, limit in limits)
        crowds[fitting][1].append(name)
    return [(count, names) for count, names in crowds if names]
