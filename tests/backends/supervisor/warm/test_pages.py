from __future__ import annotations

import mmap
import subprocess
import sys

from pytest_synebench.backends.supervisor.warm import pages

#: What was written before is read after, by this process and by a copy of it.
READS = """
import hashlib, os
from pytest_synebench.backends.supervisor.warm import pages

blocks = [os.urandom(1 << 12) * 300 for _ in range(20)]
before = hashlib.sha256(b"".join(blocks)).digest()
pages.collapse()
pid = os.fork()
same = hashlib.sha256(b"".join(blocks)).digest() == before
if pid == 0:
    blocks[0] = b""
    os._exit(0 if same else 1)
assert same and os.waitpid(pid, 0)[1] == 0
assert hashlib.sha256(b"".join(blocks)).digest() == before
"""


def test_nothing_that_is_in_memory_changes() -> None:
    subprocess.run([sys.executable, "-c", READS], check=True)


def test_a_heap_is_memory_of_no_file_that_is_written_to() -> None:
    size = 4 << 20
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
        block[0] = 1
        found = list(pages.heaps())
    assert any(end - start >= size for start, end in found)
    assert all(start < end and start % mmap.PAGESIZE == 0 for start, end in found)


def test_a_system_that_grants_none_is_no_reason_for_anything() -> None:
    refuse = "import ctypes; ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)"  # PR_SET_THP_DISABLE
    subprocess.run([sys.executable, "-c", f"{refuse}\n{READS}"], check=True)
