from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_synebench.experiment.resuming.comparing import Rule
from pytest_synebench.experiment.resuming.state import first_difference, keys_of, parts_of, read


def checkpoint(folder: Path, **files: bytes) -> Path:
    folder.mkdir()
    for name, data in files.items():
        (folder / name.replace("__", ".")).write_bytes(data)
    (folder / "manifest.json").write_text("{}")
    return folder


def differ(tmp_path: Path, one: dict[str, bytes], two: dict[str, bytes]) -> Any:
    mine, other = checkpoint(tmp_path / "1", **one), checkpoint(tmp_path / "2", **two)
    return first_difference(parts_of(mine), parts_of(other), Rule().same, frozenset())


def test_the_value_that_differs_is_named(tmp_path: Path) -> None:
    one, two = ({"state__json": json.dumps({"a": {"b": [1, n]}}).encode()} for n in (2, 3))
    assert differ(tmp_path, one, two) == ("checkpoint: state.json: a.b[1]", "2", "3")


def test_a_missing_key_and_a_missing_file_are_differences(tmp_path: Path) -> None:
    one = {"state__json": b'{"a": 1}', "more__bin": b"x"}
    found = differ(tmp_path, one, {"state__json": b"{}", "more__bin": b"x"})
    assert found == ("checkpoint: state.json: a", "1", "nothing")
    (tmp_path / "3").mkdir()
    found = differ(tmp_path / "3", one, {"state__json": b'{"a": 1}'})
    assert found == ("checkpoint: more.bin", "a file", "nothing")


def test_other_bytes_of_equal_content_are_no_difference(tmp_path: Path) -> None:
    assert differ(tmp_path, {"s__json": b'{"a": 1}'}, {"s__json": b'{ "a":1 }'}) is None


def test_a_file_that_cannot_be_read_is_compared_by_its_bytes(tmp_path: Path) -> None:
    assert differ(tmp_path, {"w__bin": b"one"}, {"w__bin": b"two"})[0] == "checkpoint: w.bin"


def test_the_scripts_own_state_comes_before_random_state(tmp_path: Path) -> None:
    one = {"random_state__json": b'{"random": [3, [1]]}', "state__json": b"1"}
    two = {"random_state__json": b'{"random": [3, [2]]}', "state__json": b"2"}
    assert differ(tmp_path, one, two)[0] == "checkpoint: state.json"
    (tmp_path / "3").mkdir()
    found = differ(tmp_path / "3", one, {**two, "state__json": b"1"})
    assert found[0] == "checkpoint: random_state.json: random"


def test_arrays_are_compared_and_no_pickle_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", w=np.arange(3.0))
    np.savez(tmp_path / "b.npz", w=np.array([0.0, 1.0, 5.0]))
    one, two = ((tmp_path / f"{name}.npz").read_bytes() for name in "ab")
    found = differ(tmp_path, {"w__npz": one}, {"w__npz": two})
    assert found == ("checkpoint: w.npz: w[2]", "2.0", "5.0")
    (tmp_path / "evil.npy").write_bytes(pickle.dumps([1]))
    assert str(read(tmp_path / "evil.npy")).startswith("SHA-256 ")


def test_tensors_are_compared_by_name(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    for name, value in (("a", 1.0), ("b", 2.0)):
        torch.save({"model": {"w": torch.full((2,), value)}}, tmp_path / f"{name}.pt")
    one, two = ((tmp_path / f"{name}.pt").read_bytes() for name in "ab")
    found = differ(tmp_path, {"checkpoint__pt": one}, {"checkpoint__pt": two})
    assert found == ("checkpoint: checkpoint.pt: model.w[0]", "1.0", "2.0")
    assert keys_of(tmp_path / "1") == ["checkpoint.pt (model)"]
