"""SIGTERM, as a CI system sends it when it cancels a job: the session ends as on Ctrl-C.

Invariants (tests/faults/test_kill_and_resume.py):
- no process of a trial is left, the journal is closed, and the exit code is 128 + 15.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

import pytest

EXIT_CODE = 128 + signal.SIGTERM
_TERMINATED = "ended by SIGTERM"


def install(config: pytest.Config) -> None:
    """Have SIGTERM end the session in order; where another handler is set, it stays."""
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _end)
        config.add_cleanup(_restore)
        config.pluginmanager.register(ExitCode(), "synebench-termination")


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what a handler is given
    raise pytest.exit.Exception(_TERMINATED)


def _restore() -> None:
    if signal.getsignal(signal.SIGTERM) is _end:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


class ExitCode:
    """Tells the caller which signal it was; pytest itself shows no summary for such a code."""

    _terminated = False

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note what ended the session."""
        self._terminated = str(excinfo.value) == _TERMINATED

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Set the exit code, after pytest has settled on 2."""
        if self._terminated:
            session.exitstatus = EXIT_CODE
