from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import folded, write_journal

from pytest_synebench.analysis.watching.following import Follower
from pytest_synebench.errors import JournalError
from pytest_synebench.events import SlotFreed
from pytest_synebench.experiment.journal.journal import Entry, read_journal
from pytest_synebench.testing.histories import HISTORIES

SLOTS = [Entry(SlotFreed(at_s=float(i))) for i in range(3)]


@settings(max_examples=60)
@given(history=HISTORIES, cuts=st.lists(st.integers(0, 3000), max_size=4))
def test_wherever_reading_pauses_it_knows_what_the_whole_lines_tell(
    history: list[Entry], cuts: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = write_journal(Path(folder, "whole"), history, setup="s").read_bytes()
        path = Path(folder, "journal.jsonl")
        path.write_bytes(b"")
        follower = Follower(path)
        for end in [*sorted(min(cut, len(data)) for cut in cuts), len(data)]:
            with path.open("r+b") as file:
                file.write(data[:end])
            follower.follow()
            _, entries = read_journal(path)
            assert repr(follower.table.trials) == repr(folded(entries).trials)
        assert follower.header["setup"] == "s"
        assert not follower.follow()


def test_a_file_that_was_cut_back_or_replaced_is_read_anew(tmp_path: Path) -> None:
    path = write_journal(tmp_path / "journal.jsonl", SLOTS, setup="a")
    follower = Follower(path)
    follower.follow()
    write_journal(tmp_path / "short", SLOTS[:1], setup="a")
    path.write_bytes((tmp_path / "short").read_bytes())
    follower.follow()
    assert follower.table.at_s == 0.0
    write_journal(tmp_path / "other", SLOTS, setup="b").rename(path)
    follower.follow()
    assert (follower.header["setup"], follower.table.at_s) == ("b", 2.0)


def test_a_damaged_line_is_an_error(tmp_path: Path) -> None:
    path = write_journal(tmp_path / "journal.jsonl", SLOTS)
    path.write_bytes(path.read_bytes().replace(b"slot", b"slat"))
    with pytest.raises(JournalError):
        Follower(path).follow()
