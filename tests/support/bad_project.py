"""A user's project in which one trial of four misbehaves, and a pytest that may be kept short."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from toy_project import environment, pytest_command, until_gone

from pytest_synebench.experiment.store.results import RunRecord, load_runs

# Runs in this process forget what they imported first: have all of it imported before them.
from pytest_synebench.plugin.session import hooks as hooks
from pytest_synebench.trial import TrialState

BAD_X = 0.25  # points_to_evaluate gives it to trial 0, and chance to no other

SCRIPT = """\
import argparse, json, os, signal, sys, threading
from pytest_synebench.training import Reporter, add_checkpointing_to_argparse

parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
parser.add_argument("--epochs", type=int)
add_checkpointing_to_argparse(parser)
args = parser.parse_args()
here = os.path.dirname(os.path.abspath(__file__))
report = Reporter()


def attempt():
    with open(os.environ["SYNEBENCH_ATTEMPT"]) as file:
        return json.load(file)


def good():
    for epoch in range(1, args.epochs + 1):
        report(epoch=epoch, loss=args.x / epoch)


if args.x != 0.25:
    good()
    sys.exit()
"""

DEFINITION = """\
from pathlib import Path

from pytest_synebench import Benchmark, benchmark, variant
from pytest_synebench.space import uniform


@benchmark(
    default_params={
        "max_resource_level": 3,
        "num_trials": 4,
        "num_workers": 2,
        "oversubscribe": True,
        "stop_grace": 0.2,
    },
    variants=[variant("one")],
)
def toy(params):
    return Benchmark(
        script=Path(__file__).parent / "train.py",
        config_space={"x": uniform(0, 1), "epochs": params["max_resource_level"]},
        metric="loss",
        resource_attr="epoch",
        max_resource_attr="epochs",
        points_to_evaluate=[{"x": 0.25}],
    )
"""

_QUICK = ("-p", "no:hypothesispytest", "-p", "no:xdist")  # nothing here needs them
_CAPBSET_DROP = 24  # linux/prctl.h
_MAY_READ_AND_WRITE_ANYTHING = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


def make_bad_project(folder: Path, trial_0: str = "good()", more: str = "") -> Path:
    """Write a project whose trial 0 runs these lines; ``more`` goes before its definition."""
    (folder / "train.py").write_text(f"{SCRIPT}{trial_0}\n")
    (folder / "conftest.py").write_text(more + DEFINITION)
    (folder / "pytest.ini").write_text("[pytest]\n")
    return folder


def run_bounded(
    folder: Path,
    *options: str,
    file_bytes: int | None = None,
    descriptors: int | None = None,
    extra: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run pytest under limits of file size and open files; permissions bind root as well.

    Options that name no benchmark run ``toy``.
    """
    if not any(option.startswith("--synebench=") for option in options):
        options = ("--synebench=toy", *options)

    def bind() -> None:
        if file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
        if descriptors is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
        for capability in _MAY_READ_AND_WRITE_ANYTHING:
            # Refused to those who do not have the capability anyway.
            ctypes.CDLL(None).prctl(_CAPBSET_DROP, capability, 0, 0, 0)

    return subprocess.run(
        pytest_command(*_QUICK, *options),
        cwd=folder,
        env={**_environment(file_bytes), "PYTHONDONTWRITEBYTECODE": "1", **(extra or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
        preexec_fn=bind,
    )


def _environment(file_bytes: int | None) -> Mapping[str, str]:
    """Return a short one where files are bounded: it travels to a trial in a file of memory."""
    few = ("PATH", "PYTHONPATH", "HOME", "LANG", "OMP_NUM_THREADS")
    return {k: v for k, v in environment().items() if file_bytes is None or k in few}


def run_in_process(pytester: pytest.Pytester, *options: str) -> tuple[int, str]:
    """Run pytest in this process, where no trial will be started; return exit code and output."""
    if not any(option.startswith("--synebench=") for option in options):
        options = ("--synebench=toy", *options)
    done = pytester.runpytest_inprocess(*_QUICK, "-p", "no:randomly", *options)
    return int(done.ret), "\n".join([*done.outlines, *done.errlines])


def only_run(folder: Path) -> RunRecord:
    """Return the one run of a project, read from its journal."""
    (run,) = load_runs(folder / ".synebench")
    return run


def assert_others_unharmed(folder: Path) -> None:
    """Trials 1 to 3 have completed with what they would report alone; no process is left."""
    run = only_run(folder)
    assert run.finished
    assert [trial.state for trial in run.trials[1:]] == [TrialState.COMPLETED] * 3
    for trial in run.trials[1:]:
        x = float(os.fspath(str(trial.config["x"])))
        assert [(r.resource, r.loss) for r in trial.reports] == [(1, x), (2, x / 2), (3, x / 3)]
    assert until_gone(folder) == []


def reported(run: RunRecord) -> set[tuple[int, int, float]]:
    """Return every report of a run: trial, level, loss."""
    return {(t.id, r.resource, r.loss) for t in run.trials for r in t.reports}
