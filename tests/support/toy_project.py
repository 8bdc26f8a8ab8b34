"""A user's project in an empty folder: a conftest, a torch-free script, and eyes for processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

SCRIPT = """
import argparse, json, os

from pytest_synebench.training import (
    Reporter,
    add_checkpointing_to_argparse,
    checkpoint_model_at_rung_level,
    resume_from_checkpointed_model,
)


def load(path):
    with open(os.path.join(path, "state.json")) as file:
        state.update(json.load(file))
    return state["epoch"]


def save(path, epoch):
    state["epoch"] = epoch
    with open(os.path.join(path, "state.json"), "w") as file:
        json.dump(state, file)


parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float, required=True)
parser.add_argument("--epochs", type=int, required=True)
parser.add_argument("--work", type=int, default=0)
add_checkpointing_to_argparse(parser)
args = parser.parse_args()
state = {"loss": 10.0 + args.x}
report = Reporter()
start = resume_from_checkpointed_model(vars(args), load)
for epoch in range(start + 1, args.epochs + 1):
    sum(range(args.work))
    state["loss"] = state["loss"] * (0.5 + args.x / 4)
    checkpoint_model_at_rung_level(vars(args), save, epoch)
    report(epoch=epoch, loss=state["loss"])
"""

CONFTEST = '''
from pathlib import Path

from pytest_synebench import Benchmark, benchmark, variant
from pytest_synebench.space import uniform


@benchmark(
    default_params={
        "max_resource_level": 9,
        "scheduler": "asha_promotion",
        "num_trials": 6,
        "num_workers": 2,
        "oversubscribe": True,
        "work": 0,
    },
    variants=[variant("one")],
)
def toy(params):
    """A toy."""
    return Benchmark(
        script=Path(__file__).parent / "train.py",
        config_space={
            "x": uniform(0, 1),
            "epochs": params["max_resource_level"],
            "work": params["work"],
        },
        metric="loss",
        resource_attr="epoch",
        max_resource_attr="epochs",
    )
'''


JOURNALS = ".synebench/runs/*/*/*/journal.jsonl"


def make_project(folder: Path) -> Path:
    """Write the project and return its folder."""
    (folder / "train.py").write_text(SCRIPT)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text("[pytest]\n")
    return folder


def pytest_command(*options: str) -> list[str]:
    """Return the command of a pytest that knows no plugin but ours."""
    return [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider", *options]


def environment() -> Mapping[str, str]:
    """Return the environment of a child pytest: nothing of the outer one's options."""
    drop = {"PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER", "COLUMNS"}
    return {key: value for key, value in os.environ.items() if key not in drop}


def run_pytest(
    folder: Path, *options: str, timeout_s: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run pytest in the project and return what it printed."""
    return subprocess.run(
        pytest_command(*options),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def start_pytest(folder: Path, *options: str, out: str = "out.txt") -> subprocess.Popen[str]:
    """Start pytest in the project, in a session of its own, output to a file there."""
    with (folder / out).open("a") as file:
        return subprocess.Popen(
            pytest_command(*options),
            cwd=folder,
            env=environment(),
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def attempts_alive(folder: Path) -> list[int]:
    """Return the processes that belong to attempts of runs in this folder."""
    needle = f"SYNEBENCH_ATTEMPT={folder}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if needle in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def until_gone(folder: Path, tries: int = 2000) -> list[int]:
    """Wait, bounded, until no attempt's process is left; return those that still are."""
    for _ in range(tries):
        if not (left := attempts_alive(folder)):
            return []
        os.sched_yield()
    return left


def journal_lines(folder: Path) -> int:
    """Return how many lines the journals of the project have."""
    return sum(p.read_bytes().count(b"\n") for p in folder.glob(JOURNALS))


def wait_for_lines(process: subprocess.Popen[str], folder: Path, lines: int) -> None:
    """Wait until the journals have so many lines, or the process has ended."""
    while journal_lines(folder) < lines:
        try:
            process.wait(timeout=0.005)
        except subprocess.TimeoutExpired:
            continue
        return
