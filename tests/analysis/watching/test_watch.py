from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from journals import folded

from pytest_synebench.__main__ import main
from pytest_synebench.analysis.watching.screen import screen
from pytest_synebench.analysis.watching.status import line, printable, status
from pytest_synebench.analysis.watching.watch import newest, watch
from pytest_synebench.errors import RunError, UsageError
from pytest_synebench.events import Closed, Event, Pause, Reported, Resume, SlotFreed, Start
from pytest_synebench.experiment.journal.journal import Entry, Journal
from pytest_synebench.testing.histories import HISTORIES, TEXTS
from pytest_synebench.trial import Report, TrialId

HEADER: dict[str, Any] = {
    "benchmark": "toy", "setup": "base-fifo-random", "run_id": 0, "metric": "score",
    "mode": "max", "resource_attr": "epoch", "params": {"num_trials": 4},
}  # fmt: skip
ONE, TWO = TrialId(0), TrialId(1)


def report(trial: TrialId, level: int, loss: float, at_s: float) -> Event:
    return Reported(report=Report(trial_id=trial, resource=level, loss=loss, at_s=at_s))


STORY = [
    Entry(SlotFreed(at_s=0.0), (Start(trial_id=ONE, config={"x": 0.25}, until=1),)),
    Entry(report(ONE, 1, -3.0, 30.0), (Pause(trial_id=ONE),)),
    Entry(SlotFreed(at_s=30.0), (Start(trial_id=TWO, config={"x": "\x1b[2J"}, until=1),)),
    Entry(report(TWO, 1, -2.0, 60.0), (Pause(trial_id=TWO),)),
    Entry(SlotFreed(at_s=60.0), (Resume(trial_id=ONE, until=3),)),
    Entry(report(ONE, 3, -5.0, 90.0)),
]
CLOSED = Entry(Closed(at_s=90.0, finished=True, reason="all trials ended"))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    directory = tmp_path / "r0-20240501T120000.000000Z-aaaaaa"
    directory.mkdir()
    journal = Journal(directory / "journal.jsonl", sync=False)
    journal.begin(HEADER)
    journal.close()
    return directory


def add(run: Path, *entries: Entry) -> None:
    journal = Journal(run / "journal.jsonl", sync=False)
    for entry in entries:
        journal.append(entry.event, entry.decisions)
    journal.close()


def test_a_growing_run_is_told_line_by_line_until_it_is_over(run: Path) -> None:
    rest, waited = [*STORY, CLOSED], list[float]()

    def wait(seconds: float) -> None:
        waited.append(seconds)
        add(run, *rest[:3])
        del rest[:3]

    out = io.StringIO()
    watch(run, out, wait=wait)
    lines = out.getvalue().splitlines()
    assert len(waited) == 3
    assert lines[0] == (
        "toy::base-fifo-random-r0: 0 of 4 trials started (no trial yet); 0 epochs, 0 a minute; 0 s"
    )
    assert lines[-1] == (
        "toy::base-fifo-random-r0: 2 of 4 trials started (1 running, 1 paused); 4 epochs, "
        "4 a minute; best score=5 (#0@3); 90 s; finished: all trials ended"
    )


def test_what_stands_still_is_told_once(run: Path) -> None:
    left = [1, 2, 3]

    def wait(seconds: float) -> None:
        left.pop()
        if not left:
            add(run, CLOSED)

    out = io.StringIO()
    watch(run, out, wait=wait)
    assert len(out.getvalue().splitlines()) == 2


def test_the_status_has_rungs_and_who_runs(run: Path) -> None:
    now = status(folded(STORY), HEADER)
    assert now.rungs == ((1, 1, 1), (3, 0, 1))
    (going,) = now.running
    assert (going.trial, going.level, going.until, going.value) == (0, 3, 3, 5.0)
    assert now.best_config == "x=0.25"
    assert not now.ended


@settings(max_examples=30, deadline=None)
@given(history=HISTORIES, name=TEXTS)
def test_whatever_happened_there_is_a_screen_that_steers_nothing(
    history: list[Entry], name: str
) -> None:
    console = pytest.importorskip("rich.console", reason="needs the extra 'report'")
    now = status(folded(history), {**HEADER, "setup": name, "metric": name})
    out = io.StringIO()
    console.Console(file=out, width=100, force_terminal=False).print(screen(now))
    for text in (out.getvalue(), line(now)):
        assert all(c.isprintable() or c == "\n" for c in text)


def test_a_screen_has_the_numbers_and_no_markup() -> None:
    console = pytest.importorskip("rich.console", reason="needs the extra 'report'")
    now = status(folded([*STORY, CLOSED]), {**HEADER, "metric": "[red]score[/red]"})
    out = io.StringIO()
    console.Console(file=out, width=100).print(screen(now))
    for text in ("[red]score[/red] 5", "trial 0, epoch 3", "x=0.25", "finished: all trials ended"):
        assert text in out.getvalue()


def test_a_terminal_gets_a_screen_that_goes_on(run: Path) -> None:
    pytest.importorskip("rich", reason="needs the extra 'report'")

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    add(run, *STORY)
    out = Terminal()
    watch(run, out, wait=lambda _: add(run, CLOSED))
    assert "finished: all trials ended" in out.getvalue()


def test_text_steers_no_terminal() -> None:
    assert printable("a\x1b]0;x\x07\nb\r\u202e") == "a?]0;x??b??"


def test_the_newest_run_that_goes_on_is_watched(
    tmp_path: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(run, *STORY)
    later = tmp_path / "r1-20240502T120000.000000Z-bbbbbb"
    later.mkdir()
    journal = Journal(later / "journal.jsonl", sync=False)
    journal.begin(HEADER)
    journal.append(CLOSED.event)
    journal.close()
    assert newest(tmp_path) == run
    add(run, CLOSED)
    assert newest(tmp_path) == later
    before = sorted(tmp_path.rglob("*"))
    assert main(["watch", str(tmp_path)]) == 0
    assert "finished: all trials ended" in capsys.readouterr().out
    assert sorted(tmp_path.rglob("*")) == before
    assert main(["watch", str(run), "--once"]) == 0


def test_what_cannot_be_watched_is_named(tmp_path: Path, run: Path) -> None:
    with pytest.raises(UsageError, match="holds no run to watch"):
        newest(tmp_path / "missing")
    (run / "journal.jsonl").unlink()
    with pytest.raises(RunError, match="the journal is gone"):
        watch(run, io.StringIO())
