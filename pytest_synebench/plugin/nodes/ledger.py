"""Which run an experiment of this session made: gates read its directory, on whatever worker.

A directory with an older run of the same setup and run id must not be taken for it, so it is
written down by whoever made the run; under pytest-xdist as files that the workers share.

Invariants (tests/plugin/gate/test_ledger.py):
- what was noted is found, by another process too where there is a shared folder;
- nothing else is found.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from pytest_synebench.durable import replace_file

FOLDER = pytest.StashKey[Path]()  #: shared by the workers of pytest-xdist
_NOTED = pytest.StashKey[dict[str, Path]]()


def note(config: pytest.Config, name: str, directory: Path) -> None:
    """Write down the run of an experiment, ``<benchmark>::<id>``, once it is over."""
    config.stash.setdefault(_NOTED, {})[name] = directory
    if FOLDER in config.stash:
        text = json.dumps({"name": name, "directory": str(directory)})
        replace_file(config.stash[FOLDER] / _file(name), text.encode())


def find(config: pytest.Config, name: str) -> Path | None:
    """Return the directory of an experiment's run of this session, or None."""
    noted = config.stash.get(_NOTED, {}).get(name)
    if noted is not None or FOLDER not in config.stash:
        return noted
    file = config.stash[FOLDER] / _file(name)
    return Path(json.loads(file.read_text())["directory"]) if file.exists() else None


def _file(name: str) -> str:
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:32] + ".json"
