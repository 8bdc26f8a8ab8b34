"""How often the gate alarms where a commit changes nothing: whole sessions, one after another.

    python perf/gate_unchanged.py [--commits N] [--docs DIR]

A repository with a simulated benchmark saves its baseline. Each commit then changes a document and
nothing else, and is compared in a session of its own, with a hash seed of its own. It must pass by
its fingerprint: no score is looked at. It writes docs/gate/unchanged.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs" / "gate"
OPTIONS = ("--synebench", "height_with_cost", "--backend", "simulated", "--num_trials", "27")
PASSED = "equal decisions on equal run ids: nothing has changed"
PAGE = """\
# Commits that change nothing

<!-- written by perf/gate_unchanged.py: change that, and run it -->

{commits} commits, each of which changes a document alone: {alarms} alarms, {passed} passed by their
fingerprint. Whole sessions of a simulated benchmark, each in a process of its own with a hash seed
of its own. Made by `python perf/gate_unchanged.py`.
"""


def run(folder: Path, *command: str, hash_seed: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a program in the repository."""
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def commit(folder: Path, text: str) -> None:
    """Change a document, and commit that."""
    (folder / "README.md").write_text(text)
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    for arguments in (("add", "README.md"), ("commit", "-q", "-m", text)):
        if run(folder, "git", *who, *arguments).returncode:
            raise SystemExit("git failed")


def said(folder: Path, number: int) -> str:
    """Return what a gate says about a commit."""
    commit(folder, f"change {number}")
    arguments = ("-m", "pytest", "-q", *OPTIONS, "--synebench-compare", "main")
    done = run(folder, sys.executable, *arguments, hash_seed=number)
    if done.returncode:
        return "alarm"
    return "passed" if PASSED in done.stdout else "looked at"


def counted(commits: int, tell: Callable[[Counter[str]], object] = lambda _: None) -> Counter[str]:
    """Return how often the gate said what about commits that change nothing; tell it each time."""
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pytest.ini").write_text("[pytest]\n")
        run(folder, "git", "init", "-q")
        commit(folder, "base")
        arguments = ("-m", "pytest", "-q", *OPTIONS, "--synebench-save", "main")
        done = run(folder, sys.executable, *arguments)
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        for number in range(1, commits + 1):
            counts[said(folder, number)] += 1
            tell(counts)
    return counts


def main() -> int:
    """Count, and write the page; exit code 1 where there was an alarm."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--commits", type=int, default=100)
    parser.add_argument("--docs", type=Path, default=DOCS, help="where the page goes")
    given = parser.parse_args()

    def tell(counts: Counter[str]) -> None:
        told = {"commits": counts.total(), "alarms": counts["alarm"], "passed": counts["passed"]}
        (given.docs / "unchanged.md").write_text(PAGE.format(**told))

    counts = counted(given.commits, tell)
    print(dict(counts))
    return int(counts["passed"] != given.commits)


if __name__ == "__main__":
    raise SystemExit(main())
