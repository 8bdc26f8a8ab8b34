from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import write_journal

from pytest_synebench.durable import frame
from pytest_synebench.errors import JournalError, RunError
from pytest_synebench.events import Opened, SlotFreed, Start
from pytest_synebench.experiment.journal.journal import Entry, Journal, read_journal
from pytest_synebench.testing.histories import DECISIONS, EVENTS, NOTES
from pytest_synebench.trial import TrialId

ENTRIES = st.lists(
    st.builds(Entry, EVENTS, st.lists(DECISIONS, max_size=2).map(tuple)) | st.builds(Entry, NOTES),
    max_size=6,
)


@settings(max_examples=60)
@given(entries=ENTRIES, cut=st.integers(0, 200))
def test_what_was_appended_is_read_back_in_order_up_to_the_torn_line(
    entries: list[Entry], cut: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_journal(Path(folder, "journal.jsonl"), entries, seed=3)
        header, read = read_journal(path)
        assert header == {"schema": 1, "seed": 3}
        assert repr(read) == repr(entries)  # by repr: NaN equals nothing

        size = path.stat().st_size
        last = len(path.read_bytes().splitlines(keepends=True)[-1])
        torn = cut % last  # bytes of the last line that a crash left
        os.truncate(path, size - last + torn)
        before = path.read_bytes()
        assert repr(read_journal(path)[1]) == repr(entries[:-1])
        assert path.read_bytes() == before  # reading changes nothing
        journal = Journal(path, sync=False)
        assert journal.torn_bytes == torn
        assert repr(journal.entries) == repr(entries[:-1])
        journal.close()


def test_what_was_appended_is_on_disk_before_sync_returns_and_waited_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    seen: list[int] = []
    real = os.fsync

    def noted(fd: int) -> None:
        seen.append(len(read_journal(path)[1]))
        real(fd)

    monkeypatch.setattr(os, "fsync", noted)
    journal.begin({})
    journal.append(Opened(at_s=0.0))
    journal.append(SlotFreed(at_s=0.0), (Start(trial_id=TrialId(0), config={}),))
    assert seen == [0]  # the header
    journal.sync()
    journal.sync()
    assert seen == [0, 2]
    journal.close()


def test_a_journal_may_keep_entries_until_so_many_can_be_written_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []
    monkeypatch.setattr(os, "fsync", waits.append)
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, every=3)
    journal.begin({})
    written, started = [], len(waits)
    for at_s in range(8):
        journal.append(Opened(at_s=float(at_s)))
        journal.sync()
        written.append((len(read_journal(path)[1]), len(waits) - started))
    assert written == [(0, 0), (0, 0), (3, 1), (3, 1), (3, 1), (6, 2), (6, 2), (6, 2)]
    journal.sync(last=True)
    journal.sync(last=True)
    assert [entry.event.at_s for entry in read_journal(path)[1]] == [float(i) for i in range(8)]
    assert len(waits) == started + 3
    journal.close()


def test_a_journal_that_is_open_may_be_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.begin({})
    journal.append(Opened(at_s=0.0))
    assert read_journal(path)[1] == [Entry(Opened(at_s=0.0))]
    journal.close()


@pytest.mark.parametrize("refused", [1, 2])
def test_who_may_no_longer_write_neither_appends_nor_goes_on(tmp_path: Path, refused: int) -> None:
    calls = []

    def guard() -> None:
        calls.append(len(read_journal(path)[1]))
        if len(calls) == 2 + refused:
            raise RunError("it is another's by now")

    path = tmp_path / "journal.jsonl"
    journal = Journal(path, guard=guard)
    journal.begin({})

    def append_and_sync() -> None:
        journal.append(Opened(at_s=0.0))
        journal.sync()

    with pytest.raises(RunError, match="another's by now"):
        append_and_sync()
    journal.close()
    # Before the entry, and once more when it is on disk: it may have waited long for that.
    assert calls == [0, 0, 0, 1][: 2 + refused]
    assert len(read_journal(path)[1]) == refused - 1


def test_a_new_journal_has_no_header_until_it_is_begun(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    assert journal.header is None
    journal.close()
    assert read_journal(path) == (None, [])
    journal = Journal(path)
    journal.begin({"benchmark": "toy"})
    assert journal.header == {"schema": 1, "benchmark": "toy"}
    journal.close()
    journal.close()
    assert read_journal(path) == ({"schema": 1, "benchmark": "toy"}, [])


HEADER = b'{"header":{"schema":1}}'


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([b'{"trial":0}'], "the first line is no header; this is not a journal of ours"),
        ([b'{"header":{"schema":"1"}}'], "the first line is no header"),
        ([b"[]"], "line 1: this is no entry; it is not a journal of ours"),
        ([b"\xff\xfe"], "line 1: this is no entry"),
        ([b'{"header":{"schema":2}}'], "has schema 2; this version reads up to 1. A newer"),
        ([HEADER, b"text"], "line 2: this is no entry"),
        ([HEADER, b'{"d":[]}'], "line 2: this is no entry"),
        ([HEADER, b'{"e":{"k":"new"}}'], "line 2: a journal entry has the kind 'new'"),
        ([HEADER, b'{"e":{"k":"opened","t":0},"d":[{"k":"stop"}]}'], "line 2: .*lacks the field"),
    ],
)
def test_what_no_version_of_ours_wrote_is_refused_by_line(
    tmp_path: Path, lines: list[bytes], problem: str
) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"".join(map(frame, lines)))
    with pytest.raises(JournalError, match=f"^{path}.*{problem}"):
        read_journal(path)
    for _ in range(2):  # and the first failure has let go of it
        with pytest.raises(JournalError, match=problem):
            Journal(path)


def test_a_damaged_line_is_refused_and_nothing_is_changed(tmp_path: Path) -> None:
    path = write_journal(tmp_path / "j", [Entry(Opened(at_s=0.0)), Entry(Opened(at_s=1.0))])
    raw = path.read_bytes().replace(b'"t":0.0', b'"t":9.0')
    path.write_bytes(raw)
    with pytest.raises(JournalError, match=r"line 2 \(byte \d+\) does not match its checksum"):
        Journal(path)
    assert path.read_bytes() == raw


def test_a_journal_says_which_run_refused_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "j")
    journal.begin({})

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        journal.append(Opened(at_s=0.0))
        with pytest.raises(OSError, match="No space left"):
            journal.sync()
    with pytest.raises(RunError, match="No space left on device; close it, mend that, and open it"):
        journal.append(Opened(at_s=1.0))
    journal.close()
    assert read_journal(tmp_path / "j")[1] == []
