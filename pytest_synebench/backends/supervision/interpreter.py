"""The command by which an interpreter runs a module of ours, wherever it is started.

``python -m`` looks for modules in the current folder first: a ``socket.py`` of the user's would be
taken for Python's own. So the folder is replaced before anything is imported.

Invariants (tests/backends/supervision/test_interpreter.py holds each one):
- files in the current folder are not imported, whatever their names;
- the module's name is in the command line, and what comes after it are its arguments.

Source: Python documentation, ``sys.path``, ``sys.flags.safe_path`` (Python 3.11).
"""

from __future__ import annotations

NO_FOLDER = "/dev/null"  #: stands first in ``sys.path``: no folder, so nothing is found in it
# Any Python since 3.10 reads it: a benchmark may name an interpreter of its own.
_LINE = (
    "import sys; "
    f"getattr(sys.flags, 'safe_path', False) or sys.path.__setitem__(0, {NO_FOLDER!r}); "
    "from {module} import main; main()"
)


def command(interpreter: str, module: str, *arguments: str) -> list[str]:
    """Return the argument list of an interpreter that runs the ``main()`` of a module.

    Args:
        interpreter: path or command.
        module: its full name.
        arguments: are in ``sys.argv[1:]``.
    """
    return [interpreter, "-c", _LINE.format(module=module), *arguments]
