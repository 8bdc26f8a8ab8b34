"""Which commit a run is of, where its script lies in a git repository.

Invariants (tests/experiment/store/test_provenance.py):
- what is not committed is told apart: ``-dirty``;
- no git, no repository, or no commit in it: nothing is said, and nothing fails.
"""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

_TIMEOUT_S = 5.0  # of a repository so large that looking for changes takes longer
_DESCRIBE = ("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


@functools.cache  # runs of one session are of one commit
def commit(directory: Path) -> str:
    """Return the hash of the commit of a directory, ``-dirty`` where files differ; or ""."""
    # Of a hook of git's: where it is set, it is of another repository.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(directory), *_DESCRIBE],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=environment,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""
