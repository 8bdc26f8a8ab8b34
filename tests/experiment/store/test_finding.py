from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import write_journal

from pytest_synebench import load_runs
from pytest_synebench.errors import UsageError
from pytest_synebench.events import Closed, Opened, SlotFreed
from pytest_synebench.experiment.journal.journal import Entry, read_journal
from pytest_synebench.experiment.store.directories import write_metadata
from pytest_synebench.testing.histories import HISTORIES

SLOT = Entry(SlotFreed(at_s=1.0))


def make_run(
    root: Path,
    number: int,
    *ends: Entry,
    benchmark: str = "toy",
    setup: str = "base-fifo-random",
    day: int = 1,
    **params: Any,
) -> Path:
    name = f"r{number}-202405{day:02d}T120000.000000Z-{number:06x}"
    directory = root / "runs" / benchmark / setup / name
    directory.mkdir(parents=True)
    header = {"benchmark": benchmark, "setup": setup, "run_id": number, "params": params}
    write_journal(directory / "journal.jsonl", [SLOT, *ends], **header)
    return directory


def closed(finished: bool, reason: str = "all trials ended") -> Entry:
    return Entry(Closed(at_s=2.0, finished=finished, reason=reason))


def ids(root: Path, **where: Any) -> list[int]:
    return [run.metadata["run_id"] for run in load_runs(root, **where)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_run(tmp_path, 0, closed(True), day=1, scheduler="fifo", num_trials=4)
    make_run(tmp_path, 1, closed(False, "interrupted"), day=2, scheduler="pbt", num_trials=4)
    make_run(tmp_path, 2, day=3, benchmark="tower", setup="tall-pbt-random", scheduler="pbt")
    return tmp_path


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({}, [0, 1, 2]),
        ({"benchmark": "toy"}, [0, 1]),
        ({"benchmark": "to*"}, [0, 1, 2]),
        ({"benchmark": ("tower", "other")}, [2]),
        ({"setup": "*-pbt-*"}, [2]),
        ({"run_id": 1}, [1]),
        ({"run_id": range(2)}, [0, 1]),
        ({"since": "2024-05-02"}, [1, 2]),
        ({"until": "2024-05-02T12:00:00"}, [0]),
        ({"since": datetime(2024, 5, 2, 12, tzinfo=UTC), "until": "2024-05-03"}, [1]),
        ({"state": "finished"}, [0]),
        ({"state": ["interrupted", "open"]}, [1, 2]),
        ({"scheduler": "pbt"}, [1, 2]),
        ({"scheduler": "pbt", "num_trials": 4}, [1]),
        ({"scheduler": "asha_promotion"}, []),
    ],
)
def test_filters_say_which_runs_are_meant(
    root: Path, where: dict[str, Any], found: list[int]
) -> None:
    assert ids(root, **where) == found


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"state": "done"}, "state is 'done'; a run is finished, interrupted, open"),
        ({"since": "May"}, "since is 'May'; write a date"),
        ({"until": 5}, "until is 5; write a date"),
        ({"schedular": "pbt"}, "no run has a parameter 'schedular'; did you mean 'scheduler'?"),
        ({"zzz": 1}, "no run has a parameter 'zzz'; known: "),
    ],
)
def test_a_filter_that_can_fit_no_run_is_refused(
    root: Path, where: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        load_runs(root, **where)
    assert str(caught.value).startswith(message)


def test_what_is_broken_is_named_and_the_rest_is_found(root: Path) -> None:
    foreign = root / "runs" / "toy" / "foreign"
    foreign.mkdir()
    (foreign / "journal.jsonl").write_bytes(b"{}\n")
    empty = root / "runs" / "toy" / "s" / "r5-20240501T120000.000000Z-abcdef"
    empty.mkdir(parents=True)
    damaged = make_run(root, 7)
    (damaged / "metadata.json").write_text("{")
    runs = load_runs(root)
    assert [run.metadata["run_id"] for run in runs] == [0, 1, 2]
    assert set(runs.problems) == {foreign, empty, damaged}
    assert "does not match its checksum" in runs.problems[foreign]
    assert runs.problems[empty].endswith("is named like a run and has no journal.jsonl")
    assert "metadata.json is damaged" in runs.problems[damaged]


def test_where_everything_is_broken_the_error_says_why(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_bytes(b"{}\n")
    with pytest.raises(UsageError, match=r"holds no run .*does not match its checksum"):
        load_runs(tmp_path)


def test_a_loop_of_links_ends(root: Path) -> None:
    (root / "runs" / "round").symlink_to(root)
    assert ids(root) == [0, 1, 2]


@settings(max_examples=60)
@given(
    history=HISTORIES, cut=st.integers(0, 400), end=st.sampled_from(["finished", "closed", "open"])
)
def test_how_a_run_ended_is_what_its_last_whole_line_says(
    history: list[Entry], cut: int, end: str
) -> None:
    last = {
        "finished": [closed(True, "x" * 9000)],
        "closed": [closed(False, "é")],
        "open": [Entry(Opened(at_s=3.0))],
    }[end]
    with tempfile.TemporaryDirectory() as folder:
        path = write_journal(Path(folder, "journal.jsonl"), [*history, *last], setup="s")
        os.truncate(
            path, max(len(path.read_bytes().split(b"\n")[0]) + 1, path.stat().st_size - cut)
        )
        (run,) = load_runs(folder)
        _, entries = read_journal(path)
    told = entries[-1].event if entries else None
    is_closed = isinstance(told, Closed)
    assert run.finished == (is_closed and told.finished)  # type: ignore[union-attr] # is_closed
    assert run.reason == (told.reason if isinstance(told, Closed) else "")


def test_a_header_that_is_being_written_is_a_run_that_has_begun(tmp_path: Path) -> None:
    directory = make_run(tmp_path, 0)
    path = directory / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:20])
    write_metadata(directory, {"benchmark": "toy"})
    (run,) = load_runs(tmp_path)
    assert (run.state, run.metadata, run.trials) == ("open", {"benchmark": "toy"}, ())


def test_a_thousand_runs_are_found_without_their_journals_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1000):
        make_run(tmp_path, number, closed(True))
    monkeypatch.setattr(
        "pytest_synebench.experiment.store.results.read_journal", pytest.fail, raising=True
    )
    assert len(load_runs(tmp_path, run_id=range(10, 20))) == 10
