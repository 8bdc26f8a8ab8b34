"""``watch``: follows the newest run until it is over.

On a terminal, with rich, a live screen; elsewhere a line whenever something has changed, at most
one in a few seconds.

Invariants (tests/analysis/watching/test_watch.py):
- it ends when the run does, and its last line says how;
- it writes nothing into the run, and needs no right to.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any, TextIO

from pytest_synebench.analysis.watching.following import Follower
from pytest_synebench.analysis.watching.screen import screen
from pytest_synebench.analysis.watching.status import Status, line, status
from pytest_synebench.errors import RunError, UsageError
from pytest_synebench.experiment.store.directories import read_metadata
from pytest_synebench.experiment.store.finding import find

LIVE_S = 0.5
LINES_S = 5.0
Wait = Callable[[float], object]


def newest(path: Path) -> Path:
    """Return the newest run at or below a path, an unfinished one if there is any.

    Raises:
        UsageError: there is none.
    """
    found = find(path)
    if not found.runs:
        why = "".join(f"; {text}" for text in found.problems.values())
        raise UsageError(
            f"{str(path)!r} holds no run to watch{why}; start one: pytest --synebench NAME"
        )
    going = [one for one in found.runs if one.closed is None]
    return (going or found.runs)[-1].directory


class Watching:
    """One run being watched."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._follower = Follower(directory / "journal.jsonl")

    def look(self) -> Status:
        """Return how it is doing now.

        Raises:
            RunError: its journal is damaged, or gone.
        """
        try:
            self._follower.follow()
        except OSError as error:
            raise RunError(f"{self._directory}: the journal is gone: {error.strerror}") from None
        metadata = {**self._follower.header, **read_metadata(self._directory)}
        return status(self._follower.table, metadata)


def watch(directory: Path, out: TextIO, *, once: bool = False, wait: Wait | None = None) -> None:
    """Show how a run is doing until it is over.

    Args:
        directory: of the run.
        out: where to; a terminal gets a screen, if rich is installed.
        once: show it as it is, and be done.
        wait: waits for so many seconds.

    Raises:
        RunError: its journal is damaged, or gone.
    """
    watching, wait = Watching(directory), wait or Event().wait
    if out.isatty() and not once and importlib.util.find_spec("rich") is not None:
        _live(watching, out, wait)
    else:
        _lines(watching, out, wait, once=once)


def _lines(watching: Watching, out: TextIO, wait: Wait, *, once: bool) -> None:
    told = ""
    while True:
        now = watching.look()
        if (text := line(now)) != told:
            out.write(f"{text}\n")
            out.flush()
        told = text
        if once or now.ended:
            return
        wait(LINES_S)


def _live(watching: Watching, out: TextIO, wait: Wait) -> None:
    from rich.console import Console
    from rich.live import Live

    now = watching.look()
    console: Any = Console(file=out)
    with Live(screen(now), console=console, auto_refresh=False) as live:
        while not now.ended:
            wait(LIVE_S)
            now = watching.look()
            live.update(screen(now), refresh=True)
