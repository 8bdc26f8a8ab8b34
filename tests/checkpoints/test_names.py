"""Names from a manifest never lead out of the checkpoint's directory, whatever they are."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.checkpoints import names
from pytest_synebench.errors import CheckpointError

FILE = {"sha256": "0" * 64, "size": 1}
PARTS = st.sampled_from(["..", ".", "", "a", "b", "\0", "manifest.json", "~", "C:", "a b"])


@given(st.lists(PARTS, min_size=1, max_size=5).map("/".join) | st.text())
def test_a_name_that_is_let_through_stays_below_its_directory(name: str) -> None:
    try:
        names.check({name: FILE})
    except CheckpointError:
        return
    path = os.path.normpath(f"/checkpoint/{name}")
    assert path == f"/checkpoint/{name}"
    assert "\0" not in path


@pytest.mark.parametrize("name", ["state.json", "deep/er/weights.bin", "é/ü", "..a", "a..", ".a"])
def test_ordinary_names_are_let_through(name: str) -> None:
    names.check({name: FILE})


@pytest.mark.parametrize(
    "sha256", [None, 7, "", "0" * 63, "0" * 65, "G" * 64, "A" * 64, "0" * 64 + "\n"]
)
def test_a_hash_is_64_small_hexadecimal_digits(sha256: object) -> None:
    with pytest.raises(CheckpointError, match="'a' has no SHA-256 in its manifest"):
        names.check({"a": {**FILE, "sha256": sha256}})


@pytest.mark.parametrize("size", [None, -1, 1.0, "1", True])
def test_a_size_is_an_integer_from_0_up(size: object) -> None:
    with pytest.raises(CheckpointError, match="'a' has no size in its manifest"):
        names.check({"a": {**FILE, "size": size}})
