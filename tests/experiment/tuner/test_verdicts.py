from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tuner_bench import Bench

from pytest_synebench.backends.protocol import AttemptBegan, AttemptEnded, AttemptKey
from pytest_synebench.experiment.journal.trials import TrialRecord
from pytest_synebench.experiment.tuner import verdicts
from pytest_synebench.experiment.tuner.deadlines import Deadlines
from pytest_synebench.experiment.tuner.machinery import Live, Machinery
from pytest_synebench.experiment.tuner.sequencer import Sequencer
from pytest_synebench.trial import Report, TrialId

T0, KEY = TrialId(0), AttemptKey(TrialId(0), 0)
TRACEBACK = "exit code 1\nTraceback: 12:03:55 /home/me/train.py"


@pytest.fixture
def parts(tmp_path: Path) -> Machinery:
    tuner = Bench(tmp_path).session()
    tuner.parts.journal.close()
    return tuner.parts


def live(verdict: str = "", *, checkpoints: bool = True) -> Live:
    watch = Deadlines().watch(0.0)
    return Live(key=KEY, watch=watch, began_s=0.0, verdict=verdict, checkpoints=checkpoints)


def trial(level: int = 1, until: int = 9) -> TrialRecord:
    record = TrialRecord(T0, {}, until)
    record.reports.append(Report(trial_id=T0, resource=level, loss=0.5, at_s=0.0))
    return record


def ended(detail: str = "exit code 0") -> AttemptEnded:
    return AttemptEnded(key=KEY, ok=detail == "exit code 0", detail=detail)


def test_a_whole_trial_has_nothing_wrong(parts: Machinery) -> None:
    assert verdicts.of_end(parts, live(), trial(9), ended()) == ""
    assert "epoch 1 of 9" in verdicts.of_end(parts, live(), trial(1), ended())


@pytest.mark.parametrize("detail", ["exit code 0", "signal 15 (SIGTERM)"])
def test_why_it_was_ended_comes_before_how(parts: Machinery, detail: str) -> None:
    assert verdicts.of_end(parts, live("it hung"), trial(9), ended(detail)) == "it hung"
    paused, missing = verdicts.of_pause(parts, live("it hung", checkpoints=False), trial(), ended())
    assert (paused, missing) == ("paused at level 1, but it hung", False)


def test_a_pause_counts_only_with_its_checkpoint_where_there_are_any(parts: Machinery) -> None:
    text, missing = verdicts.of_pause(parts, live(), trial(), ended(TRACEBACK))
    assert missing
    assert text.startswith("paused at level 1, but there is no good checkpoint of level 1")
    assert text.endswith(TRACEBACK)
    none = verdicts.of_pause(parts, live(checkpoints=False), trial(), ended())
    assert none == ("", False)


def test_in_virtual_time_no_word_is_the_scripts(parts: Machinery) -> None:
    virtual = replace(parts, order=Sequencer(lambda sent: 1))
    assert verdicts.of_end(parts, live(), trial(), ended(TRACEBACK)) == TRACEBACK
    assert verdicts.of_end(virtual, live(), trial(), ended(TRACEBACK)) == "exit code 1"
    text, _ = verdicts.of_pause(virtual, live(checkpoints=False), trial(), ended(TRACEBACK))
    assert text == "paused at level 1, but exit code 1"


def test_in_virtual_time_a_refused_checkpoint_is_told_without_the_runs_path(
    parts: Machinery,
) -> None:
    place = parts.launch.trial_directory(T0) / "checkpoints" / "00000003"
    began = AttemptBegan(
        key=KEY, resumed_from=0, checkpoints=True, remark=f"REJECTED: level 3 ({place}): torn"
    )
    assert verdicts.of_beginning(parts, began) == began.remark
    virtual = replace(parts, order=Sequencer(lambda sent: 1))
    told = verdicts.of_beginning(virtual, began)
    assert told == "REJECTED: level 3 (trials/0/checkpoints/00000003): torn"
