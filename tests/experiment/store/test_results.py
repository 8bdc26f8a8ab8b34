from __future__ import annotations

import csv
import gzip
import importlib.util
import io
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from journals import folded, write_journal

from pytest_synebench import load_runs
from pytest_synebench.errors import JournalError, UsageError
from pytest_synebench.events import Closed, Reported, SlotFreed, Start
from pytest_synebench.experiment.journal.journal import Entry, Journal
from pytest_synebench.experiment.journal.trials import TrialTable
from pytest_synebench.experiment.store.directories import write_metadata
from pytest_synebench.experiment.store.results import RunRecord, write_results
from pytest_synebench.testing.histories import HISTORIES, METRICS
from pytest_synebench.trial import Report, Scalar, TrialId

T0 = TrialId(0)
CLOSED = Entry(Closed(at_s=9.0, finished=True, reason="all trials ended"))


def entries_of(*reports: dict[str, Any], mode: str = "min") -> list[Entry]:
    """Return the history of one trial whose script sent these reports."""
    out = [Entry(SlotFreed(at_s=0.0), (Start(trial_id=T0, config={"lr": 2.0, "clip": None}),))]
    for level, metrics in enumerate(reports, 1):
        loss = float(metrics.get("score", 0.0)) * (-1 if mode == "max" else 1)
        report = Report(
            trial_id=T0,
            resource=level,
            loss=loss,
            at_s=level / 4,
            metrics={"epoch": level} | metrics,
        )
        out.append(Entry(Reported(report=report)))
    return out


def table_text(table: TrialTable, resource_attr: str | None = "epoch") -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "results.csv.gz")
        write_results(path, table, resource_attr)
        return gzip.decompress(path.read_bytes()).decode()


def read_table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def make_run(root: Path, name: str, entries: list[Entry], **header: Any) -> Path:
    directory = root / "runs" / "toy" / "setup" / name
    directory.mkdir(parents=True)
    write_journal(directory / "journal.jsonl", entries, resource_attr="epoch", **header)
    return directory


# -- the table people download -------------------------------------------------------------------


def test_one_row_per_report_with_the_users_names_and_sign() -> None:
    entries = entries_of({"score": -7.5}, {"score": -6.25, "note": "x"}, mode="max")
    assert table_text(folded(entries)) == (
        "trial_id,attempt,epoch,score,config_lr,config_clip,at_s,note\n"
        "0,0,1,-7.5,2.0,,0.25,\n"
        "0,0,2,-6.25,2.0,,0.5,x\n"
    )


def test_a_diverged_value_is_written_nan() -> None:
    rows = read_table(table_text(folded(entries_of({"score": math.nan}, {"score": math.inf}))))
    assert [row["score"] for row in rows] == ["nan", "inf"]


def test_a_benchmark_without_levels_has_a_column_level() -> None:
    rows = read_table(table_text(folded(entries_of({"score": 1.0, "level": 77})), None))
    assert (rows[0]["level"], rows[0]["epoch"]) == ("1", "1")


def test_a_report_with_our_names_displaces_none_of_our_columns() -> None:
    ours = {"trial_id": 9, "attempt": 9, "at_s": 9, "config_lr": 9, "score": 1.0}
    row = read_table(table_text(folded(entries_of(ours))))[0]
    assert row == {
        "trial_id": "0",
        "attempt": "0",
        "epoch": "1",
        "score": "1.0",
        "config_lr": "2.0",
        "config_clip": "",
        "at_s": "0.25",
    }


def spelled(value: Scalar) -> str:
    text = "" if value is None else str(value)
    return text.encode(errors="backslashreplace").decode()


@settings(max_examples=60)
@given(metrics=st.lists(METRICS.filter(lambda m: "score" not in m), max_size=4))
@example(metrics=[{"half": "\ud800", "\ud800": 1.0}, {"row": "a\rb", "quote": '"', "line": "a\nb"}])
def test_whatever_text_is_reported_the_table_is_read_back(
    metrics: list[dict[str, Scalar]],
) -> None:
    rows = read_table(table_text(folded(entries_of(*metrics))))
    assert len(rows) == len(metrics)
    for level, (row, sent) in enumerate(zip(rows, metrics, strict=True), 1):
        assert row["epoch"] == str(level)
        for key, value in sent.items():
            if key not in {"trial_id", "attempt", "epoch", "at_s"}:
                assert row[spelled(key)] == spelled(value)


@settings(max_examples=40)
@given(history=HISTORIES)
def test_equal_journals_give_equal_bytes_with_one_row_per_report(history: list[Entry]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        one, two = Path(folder, "one.csv.gz"), Path(folder, "two.csv.gz")
        write_results(one, folded(history), "epoch")
        write_results(two, folded(history), "epoch")
        assert one.read_bytes() == two.read_bytes()
        text = gzip.decompress(one.read_bytes()).decode()
    reports = [e.event.report for e in history if isinstance(e.event, Reported)]
    rows = read_table(text)
    found = sorted((row["trial_id"], row["epoch"], row["loss"]) for row in rows)
    assert found == sorted((str(r.trial_id), str(r.resource), str(r.loss)) for r in reports)


def test_the_time_of_writing_is_not_in_the_file(tmp_path: Path) -> None:
    write_results(tmp_path / "r.csv.gz", folded(entries_of({"score": 1.0})), "epoch")
    assert (tmp_path / "r.csv.gz").read_bytes()[4:8] == bytes(4)  # MTIME of the gzip header


# -- records in Python ---------------------------------------------------------------------------


@settings(max_examples=40)
@given(history=HISTORIES)
def test_load_runs_gives_what_the_journal_holds(history: list[Entry]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = make_run(Path(folder), "r0-20240501T120000.000000Z-abcdef", history, seed=3)
        (run,) = load_runs(folder)
        _ = run.trials  # the folder is gone after this
    table = folded(history)
    assert repr(run.trials) == repr(tuple(table.trials.values()))
    assert run.metadata["seed"] == 3
    assert run.directory == directory
    assert not run.finished
    if table.best is None:
        assert run.best is None
    else:
        assert run.best is not None
        assert run.best["loss"] == table.best.loss


def test_a_finished_run_says_so_and_metadata_adds_to_the_header(tmp_path: Path) -> None:
    directory = make_run(tmp_path, "r0-1-a", [*entries_of({"score": 1.0}), CLOSED], mode="min")
    write_metadata(directory, {"dataset": "toy"})
    (run,) = load_runs(directory)
    assert (run.finished, run.reason) == (True, "all trials ended")
    assert (run.metadata["mode"], run.metadata["dataset"]) == ("min", "toy")
    assert run.rows[0]["score"] == 1.0


def test_a_run_that_is_still_being_written_is_read_as_far_as_it_is(tmp_path: Path) -> None:
    directory = make_run(tmp_path, "r0-1-a", entries_of({"score": 1.0}, {"score": 0.5}))
    path = directory / "journal.jsonl"
    with path.open("ab") as file:
        file.write(b'01234567 {"e":')
    holder = Journal(path)
    assert [row["score"] for row in load_runs(tmp_path)[0].rows] == [1.0, 0.5]
    holder.close()


def test_a_run_that_has_only_begun_has_no_trials(tmp_path: Path) -> None:
    directory = make_run(tmp_path, "r0-1-a", [])
    (directory / "journal.jsonl").write_bytes(b"")
    (run,) = load_runs(tmp_path)
    assert (run.trials, run.rows, run.best, run.reason) == ((), (), None, "")


def test_runs_come_oldest_first_whatever_their_setup(tmp_path: Path) -> None:
    make_run(tmp_path, "r10-20240501T120001.000000Z-aaaaaa", [])
    make_run(tmp_path, "r2-20240501T120000.000000Z-bbbbbb", [])
    make_run(tmp_path, "r0-20240501T120002.000000Z-cccccc", [])
    assert [run.directory.name.split("-")[0] for run in load_runs(tmp_path)] == ["r2", "r10", "r0"]


def test_the_best_row_is_that_of_the_lowest_loss_not_of_the_highest_number(tmp_path: Path) -> None:
    entries = entries_of({"score": 1.0}, {"score": 9.0}, {"score": math.nan}, mode="max")
    make_run(tmp_path, "r0-1-a", entries)
    best = load_runs(tmp_path)[0].best
    assert best is not None
    assert (best["epoch"], best["score"]) == (2, 9.0)


def test_a_place_without_runs_is_named(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UsageError, match=f"^'{place}' holds no run .*name a run's directory"):
            load_runs(place)


def test_a_damaged_journal_is_not_read_in_part(tmp_path: Path) -> None:
    directory = make_run(tmp_path, "r0-1-a", entries_of({"score": 1.0}))
    path = directory / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"score":1.0', b'"score":9.0'))
    (run,) = load_runs(tmp_path)
    with pytest.raises(JournalError, match=f"^{path}: line 3 "):
        _ = run.trials


def test_a_journal_is_read_when_it_is_needed_and_once(tmp_path: Path) -> None:
    directory = make_run(tmp_path, "r0-1-a", entries_of({"score": 1.0}))
    (run,) = load_runs(tmp_path)
    with (directory / "journal.jsonl").open("ab") as file:
        file.write(b"no line of ours\n")
    with pytest.raises(JournalError):
        _ = run.trials
    make_run(tmp_path / "b", "r0-1-a", entries_of({"score": 1.0}))
    (run,) = load_runs(tmp_path / "b")
    assert [row["score"] for row in run.rows] == [1.0]
    (run.directory / "journal.jsonl").unlink()
    assert run.best == run.rows[0]


def test_one_damaged_journal_leaves_the_others_readable(tmp_path: Path) -> None:
    make_run(tmp_path, "r0-1-a", entries_of({"score": 1.0}))
    broken = make_run(tmp_path, "r1-2-b", entries_of({"score": 1.0}))
    path = broken / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"score":1.0', b'"score":9.0'))
    runs = load_runs(tmp_path).readable()
    assert [run.directory.name for run in runs] == ["r0-1-a"]
    assert list(runs.problems) == [broken]
    assert "does not match its checksum" in runs.problems[broken]


def test_a_dataframe_of_all_runs_says_which_run_a_row_is_of(tmp_path: Path) -> None:
    pytest.importorskip("pandas", reason="needs the extra 'report'")
    for i, name in enumerate(["r0-20240501T120000.000000Z-aa", "r1-20240502T120000.000000Z-bb"]):
        entries = entries_of({"score": float(i), "benchmark": "another"})
        make_run(tmp_path, name, entries, benchmark="toy", setup="s", run_id=i)
    frame = load_runs(tmp_path).dataframe()
    assert list(frame.columns[:5]) == ["benchmark", "setup", "run_id", "began", "state"]
    assert frame["benchmark"].tolist() == ["toy", "toy"]
    assert frame[["run_id", "score"]].to_numpy().tolist() == [[0, 0.0], [1, 1.0]]
    assert [began.day for began in frame["began"]] == [1, 2]
    assert load_runs(tmp_path, run_id=7).dataframe().empty


def loaded(tmp_path: Path) -> RunRecord:
    make_run(tmp_path, "r0-1-a", entries_of({"score": 1.0}, {"score": math.nan}))
    return load_runs(tmp_path)[0]


def test_a_dataframe_has_the_rows(tmp_path: Path) -> None:
    run = loaded(tmp_path)
    if importlib.util.find_spec("pandas") is None:
        with pytest.raises(UsageError, match="needs pandas"):
            run.dataframe()
        return
    frame = run.dataframe()
    assert list(frame.columns) == list(run.rows[0])
    assert frame["epoch"].tolist() == [1, 2]
    assert frame["score"].isna().tolist() == [False, True]


def test_without_pandas_the_way_to_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match=r"dataframe\(\) needs pandas: pip install 'pytest-syne"):
        loaded(tmp_path).dataframe()
