"""Where runs are kept: one directory per run, never deleted, found again by setup and run id.

    <root>/runs/<benchmark>/<setup>/r<run_id>-<UTC>-<hex>/
        lease.json  journal.jsonl  timings.jsonl  metadata.json  results.csv.gz  trials/<i>/…
        reevaluated/runs/…

Invariants (tests/experiment/store/test_directories.py):
- two runs never share a directory, however close in time they begin;
- ``newest`` finds the run of this setup and run id that began last, and no other's, also where
  the wall clock was set back meanwhile;
- a run is gone on with only where space, scheduler, seed, script and the modules beside it that it
  imports are what they were; what differs is named.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import secrets
import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from pytest_synebench.backends.supervision.imports import files_beside
from pytest_synebench.clock import Clock
from pytest_synebench.durable import replace_file
from pytest_synebench.errors import RunError, UsageError
from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.plan.plan import Plan
from pytest_synebench.experiment.store.provenance import commit

SCHEMA = 1
STAMP = "%Y%m%dT%H%M%S.%fZ"
_FREE_BYTES = 20 * 2**20
_BESIDE = "beside_sha256"  # of the header: the script's own modules
#: Parameters that say when a run ends: a finished one goes on where one of these has changed.
LIMITS = frozenset(
    {
        "num_trials",
        "scheduler_timeout",
        "resource_budget",
        "target_value",
        "max_cost",
        "max_failures",
    }
)
#: Parameters that say how a run is carried out, not what it is: these may change on a resume.
CHANGEABLE = LIMITS | frozenset(
    {
        "num_workers",
        "max_retries",
        "trial_timeout",
        "progress_timeout",
        "stop_grace",
        "threads_per_trial",
        "log_cap_mb",
        "report_rate",
        "num_gpus_per_trial",
        "oversubscribe",
        "launch",
        "searcher_timeout",
        "checkpoint_retention",
        "max_runtime",
        "tuner_instance_type",
        "spot",
        "keep_alive",
        "instance_price",
        "resume_examples",
        "resume_tolerance",
        "checkpoint_disk_mb",
        "results",
    }
)


#: Of those, what a deterministic run depends on: slots, attempts, and the order of sums.
_VIRTUAL = {"num_workers", "max_retries", "threads_per_trial"}


def setup_directory(root: Path, plan: Plan) -> Path:
    """Return the directory of all runs of a plan's setup."""
    return root / "runs" / plan.benchmark / plan.setup


def create(root: Path, plan: Plan, clock: Clock) -> Path:
    """Make the directory of a new run.

    Raises:
        RunError: it cannot be written, or the disk is nearly full.
    """
    setup = setup_directory(root, plan)
    name = f"r{plan.run_id}-{_stamp(setup, clock)}-{secrets.token_hex(3)}"
    directory = setup / name
    try:
        directory.mkdir(parents=True)
        (directory / "trials").mkdir()
        _ignore_in_git(root / "runs")
    except OSError as error:
        raise RunError(
            f"the run directory {directory} cannot be made: {error.strerror}; "
            "make it writable, or name another place with --synebench-storage"
        ) from None
    check_space(directory)
    return directory


def _stamp(setup: Path, clock: Clock) -> str:
    """Return when a run begins: later than every run before it, whatever the wall clock says."""
    now = clock.utc()
    for run in setup.glob("r*-*-*"):
        with contextlib.suppress(ValueError):  # not a run's
            began = datetime.strptime(run.name.split("-")[1], STAMP).replace(tzinfo=UTC)
            now = max(now, began + timedelta(microseconds=1))
    return now.strftime(STAMP)


def _ignore_in_git(runs: Path) -> None:
    ignore = runs / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")


def check_space(directory: Path) -> None:
    """Refuse to begin on a disk that is all but full.

    Raises:
        RunError: with the free space and the rule.
    """
    free = shutil.disk_usage(directory).free
    if free < _FREE_BYTES:
        raise RunError(
            f"the disk of {directory} has {free / 2**20:.1f} MB free; a run needs at least "
            f"{_FREE_BYTES / 2**20:.0f} MB for its journal and logs: free some, or name another "
            "place with --synebench-storage"
        )


def newest(root: Path, plan: Plan) -> Path | None:
    """Return the run of this setup and run id that began last, or None."""
    runs = setup_directory(root, plan).glob(f"r{plan.run_id}-*/journal.jsonl")
    return max((run.parent for run in runs), key=lambda d: d.name.split("-", 1)[1], default=None)


def changeable(plan: Plan) -> frozenset[str]:
    """Return the parameters that may change on a resume of this run."""
    # In virtual time the order of reports follows from who runs beside whom.
    virtual = plan.params.get("deterministic") or plan.params.get("backend") == "simulated"
    return CHANGEABLE - _VIRTUAL if virtual else CHANGEABLE


def identity(plan: Plan) -> dict[str, Any]:
    """Return what makes an experiment this one; it stands in the journal's header."""
    definition = plan.definition
    return {
        "benchmark": plan.benchmark,
        "variant": plan.variant,
        "setup": plan.setup,
        "run_id": plan.run_id,
        "seed": plan.seed,
        "metric": definition.metric,
        "mode": definition.mode,
        "resource_attr": definition.resource_attr,
        "max_resource": plan.max_resource,
        "horizon": definition.horizon,
        "dataset": definition.dataset,
        "space": definition.space.to_json(),
        "script_sha256": sha256(definition.script.read_bytes()).hexdigest(),
        _BESIDE: {
            name: sha256(file.read_bytes()).hexdigest()
            for name, file in files_beside(definition.script).items()
        },
        "params": {k: v for k, v in plan.params.items() if k not in changeable(plan)},
    }


def check_same(header: Mapping[str, Any], plan: Plan, directory: Path) -> None:
    """Refuse to go on with a run that is another experiment by now.

    Raises:
        UsageError: with each difference.
    """
    # A parameter that is younger than the run had its default.
    told = header.get("params", {})
    then = _flat({**header, "params": {**_defaults(), **told}})
    # What was fixed then is compared, and what is fixed now unless it was not (deterministic).
    names = set(told) | (set(plan.params) - CHANGEABLE)
    params = {name: value for name, value in plan.params.items() if name in names}
    mine = identity(plan)
    if _BESIDE not in header:  # the run is older than this
        del mine[_BESIDE]
    now = _flat(json.loads(json.dumps({**header, **mine, "params": params})))
    differences = [
        f"  {key}: {then.get(key, 'absent')!r} then, {now.get(key, 'absent')!r} now"
        for key in sorted({*then, *now})
        if then.get(key) != now.get(key)
    ]
    if differences:
        raise UsageError(
            f"{directory} cannot be gone on with, it is another experiment by now:\n"
            + "\n".join(differences)
            + "\nSet these back, or start a new run without --synebench-resume"
        )
    check_enough_trials(plan, 0, directory)


def _defaults() -> dict[str, Any]:
    fixed = {name: row.default for name, row in GLOBALS.items() if name not in CHANGEABLE}
    defaults: dict[str, Any] = json.loads(json.dumps(fixed))
    return defaults


def check_enough_trials(plan: Plan, started: int, directory: Path) -> None:
    """Refuse a resume with fewer trials than the run has had, or been allowed.

    Raises:
        UsageError: with both numbers.
    """
    before = max(started, read_metadata(directory).get("params", {}).get("num_trials", 0))
    if plan.num_trials < before:
        raise UsageError(
            f"{directory} has been run with num_trials {before}, now it is {plan.num_trials}; "
            "a resumed run may have more trials, not fewer"
        )


def _flat(data: object, prefix: str = "") -> dict[str, object]:
    if not isinstance(data, dict):
        return {prefix: data}
    out: dict[str, object] = {}
    for key, value in data.items():
        out.update(_flat(value, f"{prefix}.{key}" if prefix else str(key)))
    return out


def describe(plan: Plan, clock: Clock) -> dict[str, Any]:
    """Return the metadata of a new run."""
    return {
        "schema": SCHEMA,
        **identity(plan),
        "params": dict(plan.params),
        "script": str(plan.definition.script),
        "where": plan.where,
        "gate": {
            "floor": plan.definition.floor,
            "scores": {name: list(how) for name, how in plan.definition.scores.items()},
            "paired": plan.definition.paired,
            "tolerance": plan.definition.tolerance,
        },
        "created_utc": clock.utc().isoformat(),
        "commit": commit(plan.definition.script.parent),
        "versions": versions(),
        "machine": dict(machine()),
    }


@cache
def machine() -> Mapping[str, Any]:
    """Return the class of machine that a result may depend on; once per process."""
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "model": _model(Path("/proc/cpuinfo")),
        "cpus": os.cpu_count(),
    }


def _model(told: Path) -> str:
    """Return what Linux calls the processor; elsewhere what Python does, "" where nothing does."""
    try:
        lines = told.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def versions() -> dict[str, str]:
    """Return the versions that a result may depend on, as far as installed."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in ("pytest-synebench", "pytest", "numpy", "scipy", "torch"):
        if version := _installed(name):
            found[name] = version
    return found


@cache
def _installed(name: str) -> str:
    """Return the version of a distribution, or "" where it is not installed.

    Once per process: looking them all up takes half of what opening a run does.
    """
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def write_metadata(directory: Path, data: Mapping[str, Any]) -> None:
    """Write ``metadata.json``, whole and durably."""
    text = json.dumps(data, indent=2, sort_keys=True, default=str)
    replace_file(directory / "metadata.json", text.encode() + b"\n")


def read_metadata(directory: Path) -> dict[str, Any]:
    """Read ``metadata.json``; empty where a crash came before it was written."""
    path = directory / "metadata.json"
    if not path.exists():
        return {}
    try:
        data: dict[str, Any] = json.loads(path.read_bytes())
    except ValueError as error:
        raise RunError(
            f"{path} is damaged ({error}); the journal beside it has the results. Remove "
            "metadata.json: it is written again when the run is resumed"
        ) from None
    return data


def asks_for_more(directory: Path, plan: Plan) -> bool:
    """Whether a finished run is given other limits than those it finished by."""
    before = read_metadata(directory).get("params", {})
    return any(before.get(name) != plan.params[name] for name in LIMITS)


def note_params(directory: Path, plan: Plan) -> None:
    """Write into the metadata the limits that a session begins with."""
    described = {**read_metadata(directory), "params": dict(plan.params)}
    described.pop("outcome", None)  # it goes on
    write_metadata(directory, described)


def note_outcome(
    directory: Path,
    plan: Plan,
    *,
    reason: str,
    finished: bool,
    counts: Mapping[str, Mapping[str, int]],
) -> None:
    """Write into the metadata how a run ended, by which limits, and what it comes to."""
    described = read_metadata(directory)
    described["params"] = dict(plan.params)
    described["outcome"] = {"finished": finished, "reason": reason, **counts}
    write_metadata(directory, described)
