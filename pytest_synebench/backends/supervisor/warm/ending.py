"""Ends a process that runs a script as an interpreter ends, made by hand.

Threads are waited for, what was registered for the exit runs, what the script still holds is let
go so that its files are written out, and the process leaves. Python's own finalisation would also
take down what the warm process was forked for: with torch loaded it takes 290 ms of CPU, of which
150 are C++ destructors, where this way takes 5.

Invariants (tests/backends/supervisor/warm/test_ending.py, test_warm_equals_cold.py):
- exit codes and last words are an interpreter's, where the output is gone too;
- nothing that was written is lost: to a stream, to a file that is still open, to a C library's;
- modules are not taken from under threads that still run.

Source: CPython, Python/pylifecycle.c, Py_FinalizeEx, finalize_modules, flush_std_files;
Python/pythonrun.c, handle_system_exit; Objects/moduleobject.c, _PyModule_ClearDict.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import os
import signal
import sys
import threading
import weakref
from _io import _IOBase
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

INTERRUPTED = -signal.SIGINT  #: exit code of who ends by KeyboardInterrupt
_UNFLUSHED = 120  #: what python says where the last of its output could not be written
_LONG = 2**63  #: bound of an exit code that C can hold


def exit_code(error: SystemExit) -> int:
    """Return the code that a ``SystemExit`` ends a process with; shows its text, if it has one.

    >>> exit_code(SystemExit()), exit_code(SystemExit(-1)), exit_code(SystemExit(256))
    (0, 255, 0)
    """
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return (code if -_LONG <= code < _LONG else -1) & 0xFF
    with contextlib.suppress(Exception):
        sys.stderr.write(f"{code}\n")
    return 1


def newest_module() -> str:
    """Return the name of the module that was loaded last."""
    return next(reversed(sys.modules))


def end(code: int, newest: str) -> NoReturn:
    """End this process; its script has ended.

    Args:
        code: its exit code, or INTERRUPTED.
        newest: the ``newest_module`` before the script; it and what was before it stay as they are.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    flushed = _flush_streams()
    # Without a finalisation nothing stops other threads: where there are any, all stays.
    if len(sys._current_frames()) == 1:
        _let_go(newest)
    _flush_files()
    ctypes.CDLL(None).fflush(None)
    if code == INTERRUPTED:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code if flushed else _UNFLUSHED)


def _flush_streams() -> bool:
    """Write out stdout and stderr; say what python says, and return whether it went well."""
    flushed = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except Exception as error:
            flushed = False
            if stream is sys.stdout:
                with contextlib.suppress(Exception):
                    sys.stderr.write(f"Exception ignored in: {stream!r}\n")
                    sys.stderr.write(f"{type(error).__name__}: {error}\n")
    return flushed


def _let_go(newest: str) -> None:
    """Let the script's objects end, in the order of a finalisation."""
    for name in ("stdin", "stdout", "stderr"):
        setattr(sys, name, getattr(sys, f"__{name}__"))
    modules = [weakref.ref(_taken_out(name)) for name in ["__main__", *_since(newest)]]
    gc.collect()
    for module in reversed(modules):
        _clear(module())
    gc.collect()


def _since(newest: str) -> list[str]:
    """Return the names of modules loaded after one, in their order; none if that is gone."""
    names: list[str] = []
    # From the end, and no further: to look at a name is to write to it, which copies a page.
    for name in reversed(sys.modules):
        if name == newest:
            return names[::-1]
        names.append(name)
    return []


class _Other:
    """Stands for what was put among the modules and can have no weak reference."""


def _taken_out(name: str) -> Any:
    module = sys.modules.pop(name, None)
    return module if type(module).__weakrefoffset__ else _Other()


def _clear(module: object) -> None:
    names = module.__dict__ if isinstance(module, ModuleType) else {}
    for private in (True, False):
        for name in [*names]:
            if name != "__builtins__" and (not private or _is_private(name)):
                names[name] = None


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _flush_files() -> None:
    """Write out what is still open: whoever holds it came before the script."""
    # The youngest first, since what wraps a file is younger than the file.
    for thing in (*reversed(gc.get_objects()), sys.stdout, sys.stderr):
        # What every file derives from; ``io.IOBase`` would ask each class below it, and copy pages.
        if issubclass(type(thing), _IOBase):
            with contextlib.suppress(Exception):
                thing.flush()
