"""How a running experiment is doing: one live line on a terminal, a line now and then elsewhere.

The live line stands below the cursor and is erased before anything else is written. A log gets a
line each ``synebench_heartbeat`` seconds, so that no CI ends a silent job. With ``-q``: nothing.

Invariants (tests/plugin/test_progress.py):
- what pytest writes is never overwritten, at the bottom of the screen either;
- nothing is written with ``-q``, nor by a worker of pytest-xdist.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, cast

import pytest

from pytest_synebench.clock import Clock, SystemClock
from pytest_synebench.errors import UsageError
from pytest_synebench.plugin import compat

_LIVE_S = 0.2
# Index down and back up first: on the last row that makes the terminal scroll before the cursor's
# place is saved; saved afterwards, it would be one row off.
_SHOW = "\033D\033[A\0337\033[1B\r\033[2K{}\0338"
_ERASE = "\0337\033[1B\r\033[2K\0338"


class Progress:
    """Tells how experiments are doing, where the output is."""

    def __init__(self, config: pytest.Config, clock: Clock | None = None) -> None:
        self._config = config
        self._clock = clock or SystemClock()
        self._reporter = cast("Any", config.pluginmanager.get_plugin("terminalreporter"))
        quiet = self._reporter is None or config.get_verbosity() < 0
        terminal = not quiet and bool(self._reporter.isatty()) and os.environ.get("TERM") != "dumb"
        self._live = terminal and config.getoption("capture") != "no"
        self._beat_s = 0.0 if quiet or terminal else heartbeat_s(config)
        self._told_s = self._clock.now_s()
        self._shown = False

    def tick(self, title: str, status: Callable[[], str]) -> None:
        """Show the status, if it is time to."""
        period_s = _LIVE_S if self._live else self._beat_s
        now_s = self._clock.now_s()
        if not period_s or now_s - self._told_s < period_s:
            return
        self._told_s = now_s
        text = f"{title}: {status()}"
        if self._live:
            self._write(_SHOW.format(text[: self._config.get_terminal_writer().fullwidth - 1]))
            self._shown = True
        else:
            self._line(f"synebench: {text}")

    def clear(self) -> None:
        """Erase the live line."""
        if self._shown:
            self._write(_ERASE)
            self._shown = False

    def _write(self, text: str) -> None:
        file = compat.terminal_file(self._config.get_terminal_writer())
        with compat.capture_off(self._config):
            file.write(text)
            file.flush()

    def _line(self, text: str) -> None:
        with compat.capture_off(self._config):
            self._reporter.ensure_newline()
            self._reporter.write_line(text)


def heartbeat_s(config: pytest.Config) -> float:
    """Return the seconds between lines in a log; 0: none.

    Raises:
        UsageError: the ini value is no number from 0 up.
    """
    text = config.getini("synebench_heartbeat")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise UsageError(f"synebench_heartbeat is {text!r}; it must be seconds from 0 up, 0: none")
    return seconds
