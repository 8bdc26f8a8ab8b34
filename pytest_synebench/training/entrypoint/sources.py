"""Unpacks the user's code in a container, and installs what it depends on.

Invariants (tests/training/entrypoint/test_sources.py holds each one):
- no member of an archive is written outside of the folder it is unpacked in;
- ``dependencies.txt`` counts, and ``requirements.txt`` where that is not there;
- what cannot be installed ends the job before the script starts, with pip's last lines.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

from pytest_synebench.errors import TrialError

NAMES = ("dependencies.txt", "requirements.txt")
_TAIL_LINES = 12


def unpack(archive: Path, folder: Path) -> None:
    """Unpack the user's code.

    Raises:
        TrialError: it is no archive, or not a safe one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(folder, filter="data")
    except (OSError, tarfile.TarError, EOFError) as error:
        raise TrialError(f"{archive.name} cannot be unpacked: {error}") from None


def dependencies(folder: Path) -> Path | None:
    """Return the file that names what the code depends on; None: there is none."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def install(file: Path, python: str = sys.executable) -> None:
    """Install what a file names, with pip.

    Raises:
        TrialError: pip failed; the text has its last lines.
    """
    command = [python, "-m", "pip", "install", "--disable-pip-version-check", "-r", str(file)]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    sys.stdout.write(done.stdout)
    sys.stdout.flush()
    if done.returncode:
        lines = done.stdout.splitlines()[-_TAIL_LINES:]
        raise TrialError(
            f"{file.name} could not be installed (pip ended with {done.returncode}):\n"
            + "\n".join(lines)
        )
