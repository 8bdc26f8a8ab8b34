"""A project whose trials wait for a word, and an account in which its experiments run as jobs."""

from __future__ import annotations

import csv
import gzip
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from toy_project import CONFTEST, SCRIPT

from pytest_synebench import load_runs
from pytest_synebench.emulator import Emulator, emulating

_STEP_S = 0.02
_STEPS = 10_000  #: looks at what is waited for: minutes, on a machine that does much else
_VOLATILE = {"elapsed_time"}
GATED = (
    SCRIPT.replace(
        "report(epoch=epoch, loss=state",
        """if epoch == 3 and args.gate and not os.path.exists(args.gate + ".open"):
        open(args.gate + ".reached", "w").close()
        while not os.path.exists(args.gate + ".open"):
            signal.sigtimedwait([], 0.02)
    report(epoch=epoch, loss=state""",
    )
    .replace("import argparse, json, os\n", "import argparse, json, os, signal\n")
    .replace(
        'parser.add_argument("--work"',
        'parser.add_argument("--gate", default="")\nparser.add_argument("--work"',
    )
)


def make_gated(folder: Path) -> Path:
    """Write a project whose trials wait at epoch 3 until they may go on; return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.py").write_text(GATED)
    conftest = CONFTEST.replace('"work": 0,', '"work": 0, "gate": "",').replace(
        '"work": params["work"],', '"work": params["work"], "gate": params["gate"],'
    )
    (folder / "conftest.py").write_text(conftest)
    (folder / "pytest.ini").write_text("[pytest]\nsynebench_heartbeat = 0.2\n")
    return folder


@contextmanager
def account(grace_s: float = 30.0) -> Iterator[Emulator]:
    """Run an emulator, and lead whoever is started meanwhile to it."""
    with emulating(grace_s=grace_s) as emulator, pytest.MonkeyPatch.context() as patch:
        for name, value in emulator.variables.items():
            patch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        patch.setenv("PYTHONUNBUFFERED", "1")  # what is told to a file is seen as it is told
        yield emulator


def names(out: str) -> list[str]:
    """Return what a session says that it has submitted, in the order of the titles."""
    return re.findall(r"^  (\S+-\d{8}T\d{6}-[0-9a-f]{6})$", out, re.MULTILINE)


def items(out: str) -> list[str]:
    """Return node ids and outcomes of a verbose session, without its percentages."""
    found = [line for line in out.splitlines() if line.startswith("synebench::") and " " in line]
    return sorted(re.sub(r"\s+\[ *\d+%\]$", "", line) for line in found)


def summary(out: str) -> list[str]:
    """Return the lines of the summaries that do not depend on time and place."""
    told = out.partition(" synebench -")[2].splitlines()
    kept = ("best", "trials", "resumes", "data")
    return [line for line in told if line.strip().partition(":")[0] in kept or "::" in line]


def rows(folder: Path, without: str = "") -> dict[str, list[dict[str, Any]]]:
    """Return the reports of each run below a folder, by its setup, without measured times."""
    out = {}
    for run in load_runs(folder):
        with gzip.open(run.directory / "results.csv.gz", "rt") as file:
            found = list(csv.DictReader(file))
        out[run.name] = [
            {k: v for k, v in row.items() if "time" not in k and k not in {*_VOLATILE, without}}
            for row in found
        ]
    return out


def entries(folder: Path) -> dict[str, list[bytes]]:
    """Return the lines of each run's journal but its header, by its setup."""
    return {
        run.name: (run.directory / "journal.jsonl").read_bytes().splitlines()[1:]
        for run in load_runs(folder)
    }


def until(condition: Callable[[], object], told: Callable[[], str] = lambda: "") -> None:
    """Wait until something is so; give up after minutes, with what is told."""
    pause = threading.Event()
    for _ in range(_STEPS):
        if condition():
            return
        pause.wait(_STEP_S)
    raise AssertionError(f"what was waited for did not come to be\n{told()}")
