"""Files put together from entries."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synebench.errors import StoreError
from pytest_synebench.experiment.remote.tuning.gathered import Gathered
from pytest_synebench.experiment.remote.tuning.log import Entry


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.binary(max_size=4))))
def test_files_are_what_the_writer_had(steps: list[tuple[str, bool, bytes]]) -> None:
    expected: dict[str, bytes] = {}
    gathered = Gathered()
    for name, whole, data in steps:
        expected[name] = data if whole else expected.get(name, b"") + data
        kind = "whole" if whole else "grown"
        gathered.take([Entry.of_json(Entry(writer="w", **{kind: {name: data}}).to_json())])  # type: ignore[arg-type] # one of two fields
    assert gathered.files == expected


def test_only_what_has_changed_is_written(tmp_path: Path) -> None:
    gathered = Gathered()
    assert not gathered.write(tmp_path)
    gathered.take([Entry(writer="w", grown={"journal.jsonl": b"1\n"}, whole={"trials/0/e": b"x"})])
    assert gathered.write(tmp_path)
    (tmp_path / "trials/0/e").unlink()
    gathered.take([Entry(writer="w", grown={"journal.jsonl": b"2\n"})])
    assert gathered.write(tmp_path)
    assert (tmp_path / "journal.jsonl").read_bytes() == b"1\n2\n"
    assert not (tmp_path / "trials/0/e").exists()
    assert not gathered.write(tmp_path)


def test_the_last_entry_of_a_run_is_told() -> None:
    gathered = Gathered()
    gathered.take([Entry(writer="w")])
    assert not gathered.over
    gathered.take([Entry(writer="w", over=True), Entry(writer="w")])
    assert gathered.over


@pytest.mark.parametrize("name", ["../x", "/etc/x", "trials/../../x", ""])
def test_no_file_is_written_outside(name: str) -> None:
    with pytest.raises(StoreError, match="is no file of a run"):
        Gathered().take([Entry(writer="w", whole={name: b""})])
