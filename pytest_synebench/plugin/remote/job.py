"""The program of a tuner's job: installs what is missing, then runs pytest on the experiment.

It is started in the folder of the package, which lies in that of the project's code, with nothing
but Python and pip sure to be installed: so it imports what needs more only afterwards.

Invariants (tests/plugin/remote/test_job.py holds each one):
- pip is asked only for what is missing or too old;
- what cannot be installed, read or claimed ends the job with one line that says so.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterable
from importlib import invalidate_caches, metadata
from pathlib import Path

from pytest_synebench.errors import SynebenchError
from pytest_synebench.training.entrypoint import sources

_OLDEST = (3, 11)
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*])?\s*>=\s*(?P<least>[0-9.]+)")
_EXTRA = 'extra == "aws"'  #: what a job needs beyond the core


def main() -> int:
    """Run the job's experiment; return the exit code."""
    if sys.version_info < _OLDEST:
        sys.stderr.write(f"pytest-synebench needs Python 3.11 or newer; this is {sys.version}\n")
        return 1
    here = Path.cwd()
    # Scripts of trials find the package where this program has found it.
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(here), os.environ.get("PYTHONPATH")])
    )
    try:
        install(missing(needed()))
        from pytest_synebench.plugin.remote import inside

        return inside.conduct(os.environ, here.parent)
    except SynebenchError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def needed() -> list[str]:
    """Return what the package needs in a job, as pip writes it."""
    told = metadata.requires("pytest-synebench") or []
    return [one.partition(";")[0].strip() for one in told if ";" not in one or _EXTRA in one]


def missing(needs: Iterable[str]) -> list[str]:
    """Return which of these are not installed, or too old.

    >>> missing(["pytest>=1.0", "no-such-package>=2"])
    ['no-such-package>=2']
    """
    return [one for one in needs if not _is_there(one)]


def _is_there(need: str) -> bool:
    found = _REQUIREMENT.fullmatch(need)
    if found is None:
        return False
    try:
        there = metadata.version(found["name"])
    except metadata.PackageNotFoundError:
        return False
    return _numbers(there) >= _numbers(found["least"])


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)[:3]]


def install(needs: Iterable[str]) -> None:
    """Have pip install these.

    Raises:
        TrialError: it cannot; the text has its last lines.
    """
    lines = "".join(f"{need}\n" for need in needs)
    if not lines:
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "pytest-synebench.txt")
        file.write_text(lines)
        sources.install(file)
    invalidate_caches()
