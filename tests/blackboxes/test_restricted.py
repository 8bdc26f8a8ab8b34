from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.blackboxes.restricted import read_plain_pickle
from pytest_synebench.errors import UsageError

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (Path("harm"), "done")


@given(value=PLAIN)
def test_plain_containers_are_read_as_they_were_written(
    value: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("p") / "plain.pkl"
    path.write_bytes(pickle.dumps(value))
    assert read_plain_pickle(path) == value


def test_whatever_names_a_global_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "harmful.pkl"
    path.write_bytes(pickle.dumps({"0": [1.0, Harmful()]}))
    with pytest.raises(UsageError, match=r"it names .*; nothing in it was run"):
        read_plain_pickle(path)
    assert not Path("harm").exists()
    path.write_bytes(pickle.dumps(len))
    with pytest.raises(UsageError, match=r"it names builtins\.len"):
        read_plain_pickle(path)


@pytest.mark.parametrize("data", [b"", b"junk", pickle.dumps([1.0] * 9)[:-4]])
def test_what_is_damaged_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "damaged.pkl"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="is no pickle of plain containers"):
        read_plain_pickle(path)


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_plain_pickle(tmp_path / "none.pkl")
