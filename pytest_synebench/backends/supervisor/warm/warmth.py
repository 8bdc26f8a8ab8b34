"""What a process must be before copies of it may run scripts: warm, and alone in itself.

A copy has one thread, the one that forked. Locks that another thread held stay held in it for
ever, and a pool of threads hangs at its first work; CUDA refuses to work in a copy at all. So a
process in which either is found makes no copies, and the scripts are run cold.

Invariants (tests/backends/supervisor/warm/test_warmth.py holds each one):
- an import that fails, or ends the program, is the script's own matter: the others are imported;
- an import that leaves a thread, a process or CUDA behind, or what ``traces.py`` cannot bring
  along, is named, and is the last one made;
- a copy in which torch was warm finds loaded what a training loads, and has drawn no numbers;
- nothing is imported from the folder this process was started in;
- nothing that an import wrote waits in a buffer that the copies would write out again;
- a copy is refused where it would differ from a fresh process: a variable that is read at the
  start has another value now, or a file beside the script has the name of a loaded module.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import sys
from importlib.machinery import all_suffixes

from pytest_synebench.backends.supervision.interpreter import NO_FOLDER
from pytest_synebench.backends.supervisor.sweeping import children
from pytest_synebench.backends.supervisor.warm.pages import collapse
from pytest_synebench.backends.supervisor.warm.traces import ENVIRONMENT, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CANDIDATE = "?"  # as imports.py marks what may be an attribute
#: What an interpreter or the C library reads once, at its start.
_READ_AT_START = (
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "TZ",
)
_ENDS = tuple(end[1:] for end in all_suffixes())
#: What seeding, reports, checkpoints and argparse load: each copy would load it again.
_ALWAYS = ("bz2", "hashlib", "json", "locale", "lzma", "random", "shutil")
#: Open in a process in which CUDA's or ROCm's driver runs, whoever started it there.
_DRIVERS = {"/dev/nvidia-uvm", "/dev/kfd"}


def warm_up(modules: Sequence[str]) -> str:
    """Import modules; return "" or why this process must not be forked.

    Args:
        modules: names; one that ends in ``?`` is imported if what is above it has no such
            attribute.
    """
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = NO_FOLDER
    # Imports may keep it (multiprocessing does); in a copy it becomes the script's own.
    sys.modules["__main__"] = type(sys)("__main__")
    reason = _import_all((*_ALWAYS, *modules))
    if not reason and "torch" in sys.modules:
        _prepare_torch()
        reason = _left_behind()
        reason = reason and f"making an optimiser of torch {reason}"
    _settle()
    return reason


def why_not(environment: Mapping[str, str] | None = None, script: str = "") -> str:
    """Return "" or why a copy of this process cannot stand for a fresh one, now.

    Args:
        environment: that the copy would get; None: not asked.
        script: path of what it would run; "": not asked.
    """
    if _threads() > 1:
        return f"the warm process has {_threads()} threads, and a copy of it has one"
    if _cuda():
        return "CUDA is initialised in the warm process and does not work in a copy of it"
    if environment is not None:
        reason = _other_start(environment) or ENVIRONMENT.refusal(environment)
        if reason:
            return reason
    hidden = script and _hidden(script)
    if hidden:
        return f"{hidden} beside the script has the name of a module that is loaded already"
    return ""


def _import_all(names: Sequence[str]) -> str:
    """Import until one leaves something behind; return "" or which one and what."""
    ENVIRONMENT.begin()
    watch = Watch()
    try:
        for name in names:
            _import(name)
            reason = _left_behind() or watch.seen()
            if reason:
                return f"importing {name.removesuffix(_CANDIDATE)} {reason}"
        return ""
    finally:
        watch.end()
        ENVIRONMENT.end()


def _import(name: str) -> None:
    try:
        if name.endswith(_CANDIDATE):
            above, _, last = name.removesuffix(_CANDIDATE).rpartition(".")
            if not hasattr(importlib.import_module(above), last):
                importlib.import_module(f"{above}.{last}")
        else:
            importlib.import_module(name)
    except (Exception, SystemExit):
        return


def _left_behind() -> str:
    if _threads() > 1:
        return "starts a thread"
    if children():
        return "starts a process"
    return "initialises CUDA" if _cuda() else ""


def _threads() -> int:
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - asked before every fork


def _cuda() -> bool:
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    try:
        if cuda is not None and cuda.is_initialized():
            return True
    except Exception:  # a module that only has the name
        return False
    return not _DRIVERS.isdisjoint(_open_files())


def _open_files() -> list[str]:
    found = []
    for fd in os.listdir("/proc/self/fd"):  # noqa: PTH208 - as above
        with contextlib.suppress(OSError):  # the one by which the folder was read
            found.append(os.readlink(f"/proc/self/fd/{fd}"))  # noqa: PTH115 - as above
    return found


def _prepare_torch() -> None:
    """Have torch load what it loads when a training begins: 820 modules with the first optimiser.

    No step is made: it asks which accelerators there are, which on a machine that has one starts
    a driver that works in no copy of this process; and a backward pass starts threads for them.
    """
    try:
        import torch

        torch.set_num_threads(1)
        layer = torch.nn.Linear(2, 1)
        for optimiser in (torch.optim.SGD, torch.optim.Adam):
            optimiser(layer.parameters(), lr=0.1)
        layer(torch.ones(1, 2)).sum()
        torch.manual_seed(0)  # as every attempt is seeded: it reads the source of who calls it
    except Exception:  # a torch that cannot do this says so to the script
        return


def _settle() -> None:
    """Write out what imports left in buffers, and keep the collector away from what is here."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            continue
    ctypes.CDLL(None).fflush(None)
    sys.path_importer_cache.clear()  # a copy looks for itself which folders hold which modules
    gc.collect()
    # A collection in a copy would write to every object, and so copy every page of this process.
    gc.freeze()
    collapse()


def _other_start(environment: Mapping[str, str]) -> str:
    before = ENVIRONMENT.before
    for name in sorted({*_start_variables(before), *_start_variables(environment)}):
        if before.get(name) != environment.get(name):
            return f"{name} is read when a process starts, and the trial's is another"
    return ""


def _start_variables(environment: Mapping[str, str]) -> list[str]:
    return [name for name in environment if name in _READ_AT_START or name.startswith("PYTHON")]


def _hidden(script: str) -> str:
    """Return the file or package beside a script that would have been imported instead, or ""."""
    folder = os.path.dirname(os.path.realpath(script))  # noqa: PTH120 - asked before every fork
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return ""
    for entry in entries:
        name, _, end = entry.name.partition(".")
        module = sys.modules.get(name)
        if name == "__main__" or module is None or name in sys.builtin_module_names:
            continue
        if end in _ENDS or (not end and os.path.exists(f"{entry.path}/__init__.py")):  # noqa: PTH110
            return entry.name
    return ""
