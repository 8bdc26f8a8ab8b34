"""Gives the libraries of a forked process the thread counts of its environment.

A warm process imports on one thread, since a pool of threads does not survive a fork. What its
libraries read from the environment when they were loaded is therefore 1; here they are told what
they would have read in a process of their own.

Invariants (tests/backends/supervisor/warm/test_threads.py holds each one):
- numpy and torch compute with as many threads as in a cold process, to the same bits;
- a variable that is unset or no number means what it means to a cold process: all processors;
- a library that is not loaded is left alone, and where one thread is wanted nothing is called.

Source: OpenBLAS, driver/others/memory.c, blas_get_cpu_number (order of the variables, bound);
OpenMP 5.2, 21.1.2; torch, aten/src/ATen/ParallelOpenMP.cpp (takes MKL's
count, which is bounded by physical cores).
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MKL = ("MKL_NUM_THREADS", "OMP_NUM_THREADS")
#: Part of a library's file name, the functions one of which sets its count, its variables.
_LIBRARIES = (
    (
        "openblas",
        (
            "scipy_openblas_set_num_threads64_",
            "scipy_openblas_set_num_threads",
            "openblas_set_num_threads64_",
            "openblas_set_num_threads",
        ),
        ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"),
    ),
    ("libgomp", ("omp_set_num_threads",), ("OMP_NUM_THREADS",)),
    ("libiomp", ("omp_set_num_threads",), ("OMP_NUM_THREADS",)),
    ("libomp", ("omp_set_num_threads",), ("OMP_NUM_THREADS",)),
    ("libmkl_rt", ("MKL_Set_Num_Threads",), _MKL),
)


def use_threads(environment: Mapping[str, str]) -> None:
    """Tell each library that is loaded how many threads the environment gives it.

    Args:
        environment: of the process; ``OMP_NUM_THREADS`` and those of single libraries count.
    """
    processors = len(os.sched_getaffinity(0))
    counts = [wanted(environment, variables) or processors for _, _, variables in _LIBRARIES]
    if set(counts) != {1}:
        _tell_libraries(counts, processors)
    torch = sys.modules.get("torch")
    if torch is not None:
        # torch has pools besides OpenMP's; it goes last, over what OpenMP was told.
        count = wanted(environment, _MKL) or processors
        if count > 1:
            count = min(count, physical_cores())
        if count != torch.get_num_threads():
            torch.set_num_threads(count)


def _tell_libraries(counts: list[int], processors: int) -> None:
    for path in mapped_libraries():
        name = os.path.basename(path)  # noqa: PTH119 - pathlib is not imported here
        for (part, setters, _), count in zip(_LIBRARIES, counts, strict=True):
            if part == "openblas":
                count = min(count, processors)  # as it does itself with what a variable says
            if part in name and count != 1:
                _tell(path, setters, count)


def wanted(environment: Mapping[str, str], variables: tuple[str, ...]) -> int:
    """Return the count that the first of the variables with a number >= 1 gives, else 0.

    >>> wanted({"OMP_NUM_THREADS": "4,2"}, ("MKL_NUM_THREADS", "OMP_NUM_THREADS"))
    4
    """
    for variable in variables:
        # OpenMP takes a list, one number for each level of nesting.
        text = environment.get(variable, "").partition(",")[0].strip()
        if text.isdecimal() and int(text) > 0:
            return int(text)
    return 0


def physical_cores() -> int:
    """Return the cores this process may run on, two hardware threads of one core counted once."""
    usable = os.sched_getaffinity(0)
    return len({_siblings(cpu) for cpu in usable})


def _siblings(cpu: int) -> str:
    path = f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123 - as above
            return file.read()
    except OSError:  # a container without /sys: every processor counts
        return str(cpu)


def mapped_libraries() -> Iterator[str]:
    """Yield the path of each shared library that is part of this process, once."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
        paths = {line.split(maxsplit=5)[-1].rstrip("\n") for line in file if ".so" in line}
    yield from sorted(paths)


def _tell(path: str, setters: tuple[str, ...], count: int) -> None:
    import ctypes

    try:
        library = ctypes.CDLL(path)  # it is loaded: this only finds it
    except OSError:  # its file is gone since
        return
    for setter in setters:
        if hasattr(library, setter):
            getattr(library, setter)(ctypes.c_int(count))
            return
