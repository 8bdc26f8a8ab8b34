"""What a local attempt's process really runs; by hand ``python -m …bootstrap SCRIPT ARGUMENTS``.

Whoever starts it ties its life to its own; it seeds, and becomes the script: ``__main__``,
``sys.argv``, ``sys.path[0]``, exit code and traceback are what ``python SCRIPT ARGUMENTS`` would
give.

Invariants (tests/training/test_bootstrap.py holds each one):
- it runs nothing where the one who started it is gone;
- the script sees the arguments, path and ``__main__`` it would see without us;
- exit codes, signals and ``SIGTERM``'s default are the script's own;
- a traceback begins with the script's first frame;
- what was compiled ahead is run only where the file still holds the same, and without a warning;
- the report pipe is not handed on to programs that the script starts.
"""

from __future__ import annotations

import os
import sys

from pytest_synebench.training.attempt import PARENT, read_attempt
from pytest_synebench.training.seeding import seed_everything

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, ModuleType, TracebackType

_SIGKILL = 9
_AHEAD: dict[str, tuple[bytes, CodeType]] = {}  #: by path: a script's bytes, and what they mean
_MP_MAIN = "__mp_main__"  # what __main__ is called in processes that multiprocessing spawns
_USAGE_CODE = 2  # what python itself says where it cannot open the script


def end_if_orphaned() -> None:
    """End this process where its parent is not the one that started it.

    ``SYNEBENCH_PARENT`` holds that one's process id; without it a person started the script.
    """
    parent = os.environ.get(PARENT)
    if parent is not None and parent != str(os.getppid()):
        os.kill(os.getpid(), _SIGKILL)


def run_script(script: str, arguments: list[str], main: ModuleType | None = None) -> None:
    """Run a file as ``__main__`` with its own arguments; returns when its last line is done.

    An exception that the script does not catch is shown as python shows it, then ends the
    process with code 1; ``KeyboardInterrupt`` is shown too and goes on, as ``SystemExit`` does.

    Args:
        script: the file.
        arguments: what it finds in ``sys.argv[1:]``.
        main: an empty module that becomes ``__main__``; None: a new one.
    """
    sys.argv = [script, *arguments]
    if not getattr(sys.flags, "safe_path", False):  # python -P puts no folder first, nor do we
        sys.path[0] = os.path.dirname(os.path.realpath(script))
    main = type(sys)("__main__") if main is None else main
    _make_main(main, script)
    try:
        exec(_compiled(script), main.__dict__)
    except SystemExit:
        raise
    except KeyboardInterrupt as error:
        _show(error)
        sys.excepthook = _shown  # python ends by SIGINT then, and would show it again
        raise
    except BaseException as error:
        _show(error)
        raise SystemExit(1) from None


def _show(error: BaseException) -> None:
    error.__traceback__ = _without_us(error.__traceback__)
    sys.excepthook(type(error), error, error.__traceback__)


def _shown(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show nothing, in place of ``sys.excepthook``."""


def _make_main(main: ModuleType, script: str) -> None:
    """Make an empty module look like the one python makes for a script, and find it as that."""
    main.__dict__.update(__file__=script, __cached__=None, __builtins__=sys.modules["builtins"])
    sys.modules["__main__"] = main
    if _MP_MAIN in sys.modules:  # else multiprocessing puts it there when it is imported
        sys.modules[_MP_MAIN] = main


def _compiled(script: str) -> CodeType:
    try:
        with open(script, "rb") as file:
            source = file.read()
    except OSError as error:
        sys.stderr.write(f"{sys.executable}: can't open file {script!r}: {error.strerror}\n")
        raise SystemExit(_USAGE_CODE) from None
    known, code = _AHEAD.get(script, (None, None))
    if code is not None and known == source:
        return code
    return compile(source, script, "exec", dont_inherit=True)


def compile_ahead(script: str) -> None:
    """Compile a script for the copies of this process, which run it if it has not changed.

    One that cannot be compiled, or not without a warning, is left to them: they say so.
    """
    import warnings

    try:
        with open(script, "rb") as file:
            source = file.read()
        if _AHEAD.get(script, (None, None))[0] != source:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                _AHEAD[script] = source, compile(source, script, "exec", dont_inherit=True)
    except Exception:  # whatever it is, the script's process meets it, too
        _AHEAD.pop(script, None)


def _without_us(traceback: TracebackType | None) -> TracebackType | None:
    while traceback is not None and traceback.tb_frame.f_code.co_filename == __file__:
        traceback = traceback.tb_next
    return traceback


def main() -> None:
    """Seed and run: the whole life of an attempt's process."""
    end_if_orphaned()
    attempt = read_attempt()
    if attempt is not None:
        os.set_inheritable(attempt.fd, False)  # noqa: FBT003 - os takes no keyword here
        seed_everything(attempt.seed)
    if len(sys.argv) < _USAGE_CODE:
        sys.stderr.write("usage: python -m pytest_synebench.training.bootstrap SCRIPT [ARG …]\n")
        raise SystemExit(_USAGE_CODE)
    run_script(sys.argv[1], sys.argv[2:])


if __name__ == "__main__":
    main()
