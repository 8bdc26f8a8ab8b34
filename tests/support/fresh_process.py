"""A process like the first one a shell starts, to compare attempts with."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def output_of(command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> str:
    """Return what the command prints, whatever is ignored here (by nohup, or a CI runner)."""
    return subprocess.run(
        command,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL) and None,
    ).stdout
