"""Makes this process cheap to copy: its memory lies in large pages before the first copy is made.

A fork copies one entry for each page that was written to. With torch loaded these are 54,000 of
4 KiB, and most of what a fork costs; in pages of 2 MiB they are some hundred. A copy that writes
to such a page copies 4 KiB of it, as ever.

Invariants (tests/backends/supervisor/warm/test_pages.py holds each one):
- nothing that is in memory changes;
- a system that has no large pages, or grants none, is no reason for anything.

Source: Linux 6.1, madvise(2): MADV_COLLAPSE; proc(5): ``/proc/pid/maps``.
"""

from __future__ import annotations

import ctypes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_MADV_COLLAPSE = 25  # asm-generic/mman-common.h
_LARGE_BYTES = 2 << 20
_madvise = ctypes.CDLL(None, use_errno=True).madvise
_madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def collapse() -> None:
    """Put what this process has written to into large pages, as far as the system does that."""
    for start, end in heaps():
        _madvise(start, end - start, _MADV_COLLAPSE)


def heaps() -> Iterator[tuple[int, int]]:
    """Yield where memory begins and ends that belongs to no file and holds a large page."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
        lines = [line.split(maxsplit=5) for line in file]
    for where, mode, _, _, _, *name in lines:
        start, _, end = where.partition("-")
        is_heap = not name or name[0].rstrip("\n") == "[heap]"
        if is_heap and mode == "rw-p" and int(end, 16) - int(start, 16) >= _LARGE_BYTES:
            yield int(start, 16), int(end, 16)
