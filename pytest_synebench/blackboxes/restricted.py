"""The one place that reads a pickle: tables that others ship as one, without running anything.

A pickle is a program; what makes it dangerous are the globals it may name. Here each is refused, so
that what comes out is made of dicts, lists, numbers and texts, or nothing does.

Invariants (tests/blackboxes/test_restricted.py holds each one):
- plain containers are read as they were written;
- a pickle that names any global is refused before that is looked up, by its name.

Source: the Python documentation, pickle, "Restricting Globals".
"""

from __future__ import annotations

import pickle  # the reader below refuses every global
from pathlib import Path
from typing import Any, NoReturn

from pytest_synebench.errors import UsageError


class _Plain(pickle.Unpickler):
    """Refuses every global."""

    def find_class(self, module_name: str, global_name: str) -> NoReturn:
        """Refuse."""
        raise pickle.UnpicklingError(f"it names {module_name}.{global_name}")


def read_plain_pickle(path: Path) -> Any:
    """Return what a pickle of plain containers holds.

    Raises:
        UsageError: it cannot be read, is damaged, or would run or make something else.
    """
    try:
        with path.open("rb") as file:
            return _Plain(file).load()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; install its package again") from None
    except Exception as error:
        # A damaged pickle fails in whatever way its bytes happen to say.
        raise UsageError(
            f"{path} is no pickle of plain containers: {error}; nothing in it was run. It is not "
            "the file that was published: install its package again"
        ) from None
