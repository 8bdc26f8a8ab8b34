"""Commits of the user's repository: which one a baseline is of, and a checkout of it.

Nothing is fetched, no hook and no shell runs, and the user's own checkout is left as it is: an
older commit is checked out beside it, in a folder that is removed afterwards.

Invariants (tests/plugin/gate/test_commits.py):
- a commit is told only where the files are those of it;
- what cannot be checked out is said, with the way out, and leaves nothing behind.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_synebench.errors import SynebenchError

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SAFE = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
_OFFLINE = {
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_OPTIONAL_LOCKS": "0",
}


class NotThereError(SynebenchError):
    """The base commit cannot be had; the text says why."""


def head(folder: Path) -> str:
    """Return the commit that a folder's files are of; "": of none, or files have been changed."""
    try:
        sha = _git(folder, "rev-parse", "HEAD")
        return "" if _git(folder, "status", "--porcelain", "--untracked-files=no") else sha
    except NotThereError:
        return ""


def top(folder: Path) -> Path:
    """Return the root of the repository that a folder is in.

    Raises:
        NotThereError: it is in none.
    """
    return Path(_git(folder, "rev-parse", "--show-toplevel"))


@contextmanager
def checked_out(folder: Path, sha: str) -> Iterator[Path]:
    """Have a commit checked out in a folder of its own for a while.

    Raises:
        NotThereError: the repository does not have it.
    """
    if not _SHA.fullmatch(sha):
        raise NotThereError(
            "the baseline names no commit: it was saved outside of git, or with changes that were "
            "not committed; save it again on a clean checkout"
        )
    try:
        _git(folder, "cat-file", "-e", f"{sha}^{{commit}}")
    except NotThereError:
        raise NotThereError(
            f"the repository does not have its commit {sha[:12]}; fetch it (fetch-depth: 0 in "
            "actions/checkout, GIT_DEPTH: 0 in GitLab)"
        ) from None
    aside = Path(tempfile.mkdtemp(prefix="synebench-base-"))
    try:
        _git(folder, "worktree", "add", "--detach", str(aside / "tree"), sha)
        yield aside / "tree"
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        _git(folder, "worktree", "prune")


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *_SAFE, "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            env={**os.environ, **_OFFLINE},
            check=False,
        )
    except OSError as error:
        raise NotThereError(f"git cannot be run: {error}") from None
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise NotThereError(f"git {arguments[0]}: {said[-1] if said else done.returncode}")
    return done.stdout.strip()
