"""Becomes a command that ends when the process which started it does.

Its arguments are the number of that process, then the command's own. It runs for a moment, between
the fork and the command: the kernel keeps across an exec what is asked for here.

Invariants (tests/experiment/external/test_process.py):
- when the run's process is killed, so is the command;
- a command that cannot be executed is named, with the kernel's reason.
"""

from __future__ import annotations

import os
import sys

from pytest_synebench.backends.supervisor.tying import die_with, heed_signals


def main() -> None:
    """Become the command."""
    parent, *line = sys.argv[1:]
    die_with(int(parent))
    heed_signals()
    try:
        os.execvp(line[0], line)
    except OSError as error:
        sys.exit(f"{line[0]} cannot be executed: {error.strerror}")
