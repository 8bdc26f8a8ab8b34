"""The first file that a job runs: unpacks what travelled with it, and hands over.

It is copied beside the archive and needs nothing of ours: ``python3 entry.py``.
"""

from __future__ import annotations

import os
import runpy
import sys
import tarfile

ARCHIVE = "source.tar.gz"
APART = ".pytest-synebench"  #: folder of ours, where the code beside it may have any name


def main() -> None:
    """Unpack, and become process 1's program."""
    root = os.environ.get("SYNEBENCH_CONTAINER_ROOT", "/opt/ml")
    code = os.path.join(root, "code")
    here = os.path.dirname(os.path.abspath(__file__))
    with tarfile.open(os.path.join(here, ARCHIVE), "r:gz") as archive:
        archive.extractall(code, filter="data")
    apart = os.path.join(code, APART)
    sys.path[0] = apart if os.path.isdir(apart) else code  # in place of this file's folder
    runpy.run_module("pytest_synebench.training.entrypoint", run_name="__main__")


if __name__ == "__main__":
    main()
