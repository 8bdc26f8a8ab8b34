"""Whether what is worse than the baseline is worse than fresh runs of its commit as well.

A baseline is pinned, so one whose runs were lucky raises the same false alarm again and again.
Before a gate is red under the rule ``strict``, its base commit is checked out beside the user's
files, and run ids that neither side has are run there by the same interpreter: a session of its
own, with the same parameters, that stores its runs in a temporary folder. Such evidence can
only take an alarm back.

Invariants (tests/plugin/gate/test_confirming.py):
- an alarm stands unless fresh runs of the base commit were made, and are not better;
- why no such runs could be made is said, and then the alarm stands;
- the user's checkout, runs and baselines are left as they are.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from pytest_synebench.analysis.baselines import Entry
from pytest_synebench.analysis.gate.confirmation import concluded
from pytest_synebench.analysis.gate.engine import Case
from pytest_synebench.analysis.gate.evidence import candidate_scores
from pytest_synebench.analysis.gate.rules import CONFIRMING_RUNS
from pytest_synebench.analysis.gate.verdicts import Judgement
from pytest_synebench.errors import SynebenchError
from pytest_synebench.experiment.store.results import RunRecord, load_runs
from pytest_synebench.plugin.choice.selection import Selection, typed_of
from pytest_synebench.plugin.gate import commits
from pytest_synebench.plugin.gate.commits import NotThereError

_NAME = "confirmation"
#: Of a session within a session: what belongs to the outer one.
_OURS = ("PYTEST_XDIST_", "PYTEST_CURRENT_TEST", "GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS", "COV_")


class Alarmed(Protocol):
    """Whose gate is red."""

    config: pytest.Config
    selection: Selection
    variant: str


def confirmed(
    item: Alarmed, entry: Entry, case: Case, judgement: Judgement, run_ids: Sequence[int]
) -> Judgement:
    """Return the verdict once fresh runs of the base commit have been looked at.

    Args:
        item: the gate.
        entry: of the baseline.
        case: what is known of the setup.
        judgement: that it is worse.
        run_ids: that neither side has.
    """
    try:
        runs = _base_runs(item, entry, run_ids[:CONFIRMING_RUNS])
    except NotThereError as error:
        note = f"not confirmed on the base commit: {error}"
        return replace(judgement, details=(*judgement.details, note))
    return concluded(case, judgement, candidate_scores(entry, runs), entry.commit)


def _base_runs(item: Alarmed, entry: Entry, run_ids: Sequence[int]) -> list[RunRecord]:
    with _session(item, entry, run_ids) as storage:
        try:
            found = load_runs(storage)
            read = {run.directory: run.trials for run in found}  # while their files are there
        except SynebenchError as error:
            raise NotThereError(f"its runs cannot be read: {error}") from None
        runs = [one for one in found if one.metadata.get("variant") == item.variant]
        for run in runs:
            # A list on the command line stands in the ids of this session alone.
            told = {**run.metadata, "setup": entry.data["problem"]["setup"]}
            if differences := entry.differences(told):
                raise NotThereError(f"its runs are of another problem: {differences[0]}")
        ended = [run for run in runs if run.finished and read[run.directory]]
        if len(ended) < len(run_ids):
            raise NotThereError(f"only {len(runs)} of {len(run_ids)} of its runs came to an end")
        return runs


@contextmanager
def _session(item: Alarmed, entry: Entry, run_ids: Sequence[int]) -> Iterator[Path]:
    """Run the base commit's experiments in a session of its own; yield where its runs are."""
    here = item.config.invocation_params.dir
    root = commits.top(here)
    with (
        commits.checked_out(here, entry.commit) as tree,
        tempfile.TemporaryDirectory(prefix="synebench-runs-") as storage,
    ):
        folder = tree / here.resolve().relative_to(root.resolve())
        if not folder.is_dir():
            raise NotThereError(f"its commit has no folder {folder.relative_to(tree)}")
        command = [sys.executable, "-m", "pytest", *_arguments(item, run_ids, tree, root)]
        done = subprocess.run(
            [*command, f"--synebench-storage={storage}"],
            cwd=folder,
            env=_environment(tree),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            last = (done.stdout + done.stderr).strip().splitlines()[-1:]
            raise NotThereError(f"its session ended with {done.returncode}: {''.join(last)}")
        yield Path(storage)


def _arguments(item: Alarmed, run_ids: Sequence[int], tree: Path, root: Path) -> list[str]:
    name, params = item.selection.benchmark, item.selection.params
    settings = [
        f"--synebench-set={name}.{key}={_text(params[key])}"
        for key in _typed(item)
        if key in params
    ]
    return [
        *_paths(item.config, tree, root),
        f"--synebench={name}",
        f"--synebench-set=variant={item.selection.variant}",
        f"--synebench-set=run_id={','.join(map(str, run_ids))}",
        f"--synebench-save={_NAME}",
        *settings,
        "-p",
        "no:cacheprovider",
        "-q",
    ]


def _typed(item: Alarmed) -> list[str]:
    """Return the parameters that were said on the command line or in the ini file."""
    typed = typed_of(item.config)
    said = [key for _, key, _ in (*typed.ini, *typed.settings)]
    return list(dict.fromkeys([*said, *typed.given]))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _paths(config: pytest.Config, tree: Path, root: Path) -> list[str]:
    """Return the paths that the session was given, as they are in the base commit."""
    if config.args_source is not config.ArgsSource.ARGS:
        return []
    asked = [
        Path(config.invocation_params.dir, arg.split("::")[0]).resolve() for arg in config.args
    ]
    moved = [tree / one.relative_to(root) for one in asked if one.is_relative_to(root.resolve())]
    return [str(one) for one in moved if one.exists()]


def _environment(tree: Path) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    # Before what is installed: a package that is, in editable mode, is that of the user's checkout.
    paths = [str(tree), str(tree / "src"), kept.get("PYTHONPATH", "")]
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTEST_ADDOPTS": ""}
