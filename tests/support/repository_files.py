"""Files of the form that Syne Tune's blackbox repository has, of known numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_synebench.space import Domain, choice

SPACE: dict[str, Domain] = {"units": choice([16, 32, 64, 128]), "act": choice(["relu", "tanh"])}
COLUMNS: dict[str, list[Any]] = {
    "units": [16, 32, 64, 128],
    "act": ["relu", "tanh", "relu", "tanh"],
}


def write_repository(
    folder: Path,
    *,
    columns: Mapping[str, Sequence[Any]] = COLUMNS,
    tasks: Sequence[str] = ("one", "two"),
    objectives: Sequence[str] = ("accuracy", "time"),
    seeds: int = 2,
    levels: int = 3,
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Write them; return the objectives: (task, row, seed, level, objective), times last."""
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    rows = len(next(iter(columns.values())))
    shape = (len(tasks), rows, seeds, levels, len(objectives))
    values = np.random.default_rng(0).random(shape).astype(np.float32)
    # Each level takes as long as the row's number says, and a second.
    steps = np.arange(1, rows + 1)[:, None, None] * np.ones((rows, seeds, levels))
    values[..., -1] = steps.cumsum(axis=2)
    pandas.DataFrame(dict(columns)).to_parquet(folder / "hyperparameters.parquet", index=False)
    np.save(folder / "objectives_evaluations.npy", values)
    np.save(folder / "fidelities_values.npy", np.arange(1, levels + 1))
    about = {"task_names": list(tasks), "objectives_names": list(objectives)}
    (folder / "metadata.json").write_text(json.dumps(about))
    return values
