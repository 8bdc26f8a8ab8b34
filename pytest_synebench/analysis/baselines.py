"""Baselines: what runs are compared with, kept as text that is committed and reviewed.

    <root>/baselines/<name>.json: per setup its parameters, data set, versions, machine, the
    scores of each run id, and the fingerprints of two of them

Invariants (tests/analysis/test_baselines.py):
- saving equal runs writes equal bytes, and leaves the other setups of the file alone;
- what differs in parameters, space or data set is named; offset and run id never differ;
- a parameter that is younger than the baseline had its default;
- a run is judged by what was declared when the baseline was made, whatever is declared now.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_synebench.analysis.baseline_checks import WrongError, check, parsed
from pytest_synebench.analysis.curves import SCORES, horizon, incumbent
from pytest_synebench.analysis.fingerprint import trace
from pytest_synebench.analysis.scores import run_scores
from pytest_synebench.durable import replace_file
from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.plan.parameter_table import GLOBALS
from pytest_synebench.experiment.store.directories import CHANGEABLE, LIMITS
from pytest_synebench.experiment.store.results import RunRecord
from pytest_synebench.scoring import Declared, checked_scores, retrainings

SCHEMA = 1
FINGERPRINTS = 2  #: run ids whose decisions are kept
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_PROBLEM = ("benchmark", "variant", "setup", "metric", "mode", "resource_attr", "max_resource")
_ALSO = ("horizon", "dataset", "space")
#: Parameters that say how a run is carried out; what deterministic runs depend on stays.
_HOW = (CHANGEABLE - LIMITS - {"num_workers", "max_retries", "threads_per_trial"}) | {
    "random_seed_offset"
}

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a baseline holds of one setup."""

    data: Json

    @property
    def run_ids(self) -> list[int]:
        """Run ids it has, ascending."""
        return sorted(map(int, self.data["runs"]))

    @property
    def seeds(self) -> set[int]:
        """Master seeds of its runs."""
        return {int(run["seed"]) for run in self.data["runs"].values()}

    @property
    def horizon(self) -> int:
        """Resource units over which areas are taken."""
        return int(self.data["units"])

    @property
    def offset(self) -> int:
        """The seed offset it was made with."""
        return int(self.data["random_seed_offset"])

    @property
    def fingerprints(self) -> dict[int, Json]:
        """By run id."""
        return {int(run_id): one for run_id, one in self.data["fingerprints"].items()}

    @property
    def commit(self) -> str:
        """The commit it was made on; "": that is not known."""
        return str(self.data.get("commit", ""))

    @property
    def declared(self) -> dict[str, Declared]:
        """The scores that its benchmark declared when it was made, and how they are read."""
        return checked_scores(self._gate.get("scores", {}))

    @property
    def paired(self) -> bool:
        """Whether equal run ids are compared, pair by pair."""
        return bool(self._gate.get("paired", False))

    @property
    def tolerance(self) -> float | str | None:
        """What its benchmark put up with when it was made; a share is not told in units."""
        told: float | str | None = self._gate.get("tolerance")
        return told

    @property
    def _gate(self) -> Json:
        gate: Json = self.data.get("gate", {})  # a baseline may be older than this
        return gate

    def scores(self) -> dict[str, list[float]]:
        """Return the scores by name, in the order of the run ids."""
        runs = [self.data["runs"][str(run_id)] for run_id in self.run_ids]
        return {score: [float(run[score]) for run in runs] for score in (*SCORES, *self.declared)}

    def scores_of(self, run: RunRecord) -> dict[str, float]:
        """Return the scores of another run, by what was declared when this was made."""
        return _scores(run, self.horizon, self._gate)

    def differences(self, metadata: Json) -> tuple[str, ...]:
        """Return in what a run, or a plan, is of another problem than this."""
        then, now = _flat(self.data["problem"]), _flat(problem(metadata))
        defaults = {f"params.{name}": row.default for name, row in GLOBALS.items()}
        out = []
        for key in sorted({*then, *now}):
            default = json.loads(json.dumps(defaults.get(key, "absent")))
            before, after = then.get(key, default), now.get(key, default)
            if before != after:
                out.append(f"{key}: {before!r} in the baseline, {after!r} now")
        return tuple(out)

    def elsewhere(self, metadata: Json) -> str:
        """Return how versions and machine differ from those it was made with; "": not at all."""
        pairs = [
            (f"{kind} {name}", self.data[kind].get(name), metadata.get(kind, {}).get(name))
            for kind in ("versions", "machine")
            for name in sorted({*self.data[kind], *metadata.get(kind, {})})
            if kind == "versions" or (name in self.data[kind] and name in metadata.get(kind, {}))
        ]
        return ", ".join(f"{name} {a} then, {b} now" for name, a, b in pairs if a != b)


def problem(metadata: Json) -> dict[str, Any]:
    """Return what two runs must share to be compared."""
    params = {k: v for k, v in metadata["params"].items() if k not in _HOW}
    kept = {key: metadata.get(key) for key in (*_PROBLEM, *_ALSO)}
    out: dict[str, Any] = json.loads(json.dumps({**kept, "params": params}))
    return out


def _flat(data: object, prefix: str = "") -> dict[str, object]:
    if not isinstance(data, dict):
        return {prefix: data}
    out: dict[str, object] = {}
    for key, value in data.items():
        out.update(_flat(value, f"{prefix}.{key}" if prefix else str(key)))
    return out


def baseline_path(root: Path, name: str) -> Path:
    """Return the file of a baseline.

    Raises:
        UsageError: the name is none for a file.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"a baseline is called {name!r}; it becomes a file's name: use letters, digits, '_', "
            "'.', '-', and begin with a letter or digit"
        )
    return root / "baselines" / f"{name}.json"


def read_baseline(path: Path) -> dict[str, Entry]:
    """Return the entries of a baseline by benchmark::setup; empty where there is no file.

    Raises:
        UsageError: it cannot be read, is damaged, or a newer version wrote it.
    """
    try:
        data = parsed(path.read_bytes())
        schema = data["schema"]
        if isinstance(schema, int) and schema > SCHEMA:
            raise _newer(path, schema)
        if schema != SCHEMA or isinstance(schema, bool):
            raise WrongError(f"its schema is {schema!r}")
        setups = data["setups"].items()
        for name, one in setups:
            check(name, one)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = str(error) if isinstance(error, ValueError) else repr(error)
        raise UsageError(
            f"{path} is no baseline of ours ({why}); restore it from version control, or save "
            "it again with --synebench-save"
        ) from None
    return {name: Entry(one) for name, one in setups}


def _newer(path: Path, schema: int) -> UsageError:
    return UsageError(
        f"{path} has schema {schema}; this version reads up to {SCHEMA}. A newer "
        "pytest-synebench wrote it: compare with that one"
    )


def make_entry(
    runs: Sequence[RunRecord], accepted: Sequence[str] = (), *, commit: str = ""
) -> Entry:
    """Return the entry that finished runs of one setup give.

    Args:
        runs: of the setup.
        accepted: why it was moved, each time.
        commit: what they are of; "": not known.

    Raises:
        UsageError: they are judged by a re-evaluation that one of them does not have.
    """
    by_id = {int(run.metadata["run_id"]): run for run in runs}
    found = {run_id: incumbent(run.trials) for run_id, run in sorted(by_id.items())}
    units = horizon(found.values())
    first = by_id[min(by_id)].metadata
    gate = first.get("gate", {})
    if lacking := lacks_reevaluation(runs, gate.get("scores", ())):
        raise UsageError(lacking)
    return Entry(
        {
            "problem": problem(first),
            "random_seed_offset": first["params"]["random_seed_offset"],
            "versions": first.get("versions", {}),
            "machine": first.get("machine", {}),
            "units": units,
            "gate": gate,
            "runs": {
                str(run_id): {
                    "seed": by_id[run_id].metadata["seed"],
                    **{k: _number(v) for k, v in _scores(by_id[run_id], units, gate).items()},
                }
                for run_id in found
            },
            "fingerprints": {
                str(run_id): trace(by_id[run_id].directory).fingerprint()
                for run_id in list(found)[:FINGERPRINTS]
            },
            "accepted": list(accepted),
            "commit": commit,
        }
    )


def lacks_reevaluation(runs: Sequence[RunRecord], declared: Iterable[str]) -> str:
    """Return which run lacks the trainings of its best config that scores ask for; "": none."""
    times = retrainings(declared)
    for run in runs:
        if len(run.reevaluated) < times and run.best_report is not None:
            return (
                f"{run.name} is judged by reevaluated:{times}, and its best config was trained "
                f"anew {len(run.reevaluated)} times ({run.directory}); sessions with "
                "--synebench-save or --synebench-compare do that, others do not"
            )
    return ""


def _scores(run: RunRecord, units: int, gate: Json) -> dict[str, float]:
    return run_scores(
        run.trials,
        units,
        mode=str(run.metadata.get("mode", "min")),
        floor=gate.get("floor"),
        declared=gate.get("scores", ()),
        reevaluated=run.reevaluated,
    )


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def save(path: Path, made: Mapping[str, Entry]) -> None:
    """Write entries into a baseline; those of other setups stay as they are."""
    entries = {**read_baseline(path), **made}
    data = {"schema": SCHEMA, "setups": {name: one.data for name, one in entries.items()}}
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(data, indent=1, sort_keys=True, allow_nan=False)
    replace_file(path, text.encode() + b"\n")
