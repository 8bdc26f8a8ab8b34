from __future__ import annotations

import argparse
import math
import os
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journals import folded
from toy_plan import toy_plan

from pytest_synebench.events import Began, Ended, Pause, Reported, Retried, SlotFreed, Start, Stop
from pytest_synebench.experiment.journal.journal import Entry
from pytest_synebench.experiment.store.summary import (
    command_line,
    counts,
    outcomes,
    signed,
    status,
)
from pytest_synebench.testing.histories import HISTORIES
from pytest_synebench.trial import Report, Scalar, TrialId, TrialState

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)


def start(trial: int, until: int | None = None) -> Entry:
    decision = Start(trial_id=TrialId(trial), config={}, until=until)
    return Entry(SlotFreed(at_s=0.0), (decision,))


def report(trial: int, level: int, loss: float) -> Reported:
    return Reported(
        report=Report(trial_id=TrialId(trial), resource=level, loss=loss, at_s=float(level))
    )


@given(value=WORDS.filter(str.isprintable), number=st.floats(allow_nan=False), flag=st.booleans())
def test_a_shell_reads_the_command_as_the_words_it_is_made_of(
    tmp_path_factory: pytest.TempPathFactory, value: str, number: float, *, flag: bool
) -> None:
    plan = toy_plan(tmp_path_factory.getbasetemp())
    config: dict[str, Scalar] = {"name": value, "lr": number, "flag": flag, "nothing": None}
    words = shlex.split(command_line(plan, config))
    assert words[:2] == ["python", str(plan.definition.script)]
    parser = argparse.ArgumentParser()
    for name in ("name", "lr", "flag"):
        parser.add_argument(f"--{name}")
    # As a script reads it, a value that begins with a dash included.
    assert vars(parser.parse_args(words[2:])) == {
        "name": value,
        "lr": str(number),
        "flag": str(flag),
    }


@pytest.mark.parametrize("value", ["\x1b[2J\x1b[31m", "a\nb'c\\d", "\u202eabc", "\x7f\t", "é\x07f"])
def test_signs_that_a_terminal_obeys_are_spelled_and_read_back_by_a_shell(
    tmp_path: Path, value: str
) -> None:
    line = command_line(toy_plan(tmp_path), {"name": value})
    assert line.isprintable()
    read = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {line}"],
        env={**os.environ, "LC_ALL": "C.UTF-8"}, capture_output=True, check=True,
    )  # fmt: skip
    assert read.stdout.decode().split("\0")[2:] == ["--name", value, ""]


def test_another_interpreter_stands_in_the_command(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path, fields={"interpreter": "/opt/my python"})
    assert command_line(plan, {}) == f"'/opt/my python' {shlex.quote(str(tmp_path / 'train.py'))}"


@given(history=HISTORIES)
def test_every_trial_counts_in_one_outcome(history: list[Entry]) -> None:
    table = folded(history)
    count = outcomes(table)
    assert sum(count.values()) == len(table.trials)
    assert list(count) == [state for state in TrialState if state in count]
    assert all(count.values())


def test_what_a_run_comes_to_is_counted() -> None:
    began = Began(at_s=4.0, trial_id=TrialId(0), attempt=1, resumed_from=2, checkpoints=True)
    lost = Retried(at_s=3.0, trial_id=TrialId(0), reason="exit code 1")
    entries = [start(0), *(Entry(report(0, level, 1.0)) for level in (1, 2, 3))]
    table = folded([*entries, Entry(lost), Entry(began), Entry(report(0, 4, 1.0))])

    # Of the levels 1, 2, 3 that were there, the checkpoint had two; the third was run again.
    assert counts(table) == {
        "trials": {"running": 1},
        "units": {"run": 4, "saved": 2, "repeated": 1},
        "resumes": {"resumed": 1},
    }


@given(loss=st.floats(allow_nan=False))
def test_a_loss_is_shown_in_the_users_sign(loss: float) -> None:
    assert signed(loss, "min") == loss
    assert signed(loss, "max") == -loss
    assert math.isnan(signed(math.nan, "max"))


def test_a_line_on_a_running_experiment(tmp_path: Path) -> None:
    plan = toy_plan(tmp_path, fields={"mode": "max"}, num_trials=5)
    entries = [start(i, until=3 if i == 4 else None) for i in range(5)]
    entries += [
        Entry(report(0, 1, -0.25), (Stop(trial_id=TrialId(0)),)),
        Entry(report(1, 1, -0.5), (Pause(trial_id=TrialId(1)),)),
        Entry(report(3, 2, math.nan)),
        Entry(Ended(at_s=7.6, trial_id=TrialId(2), state=TrialState.FAILED)),
    ]
    table = folded(entries)
    assert status(plan, table, 7.6) == (
        "2/5 ended, 1 paused, running #3@2/9 #4@0/3, best loss=0.5 (#1), 8 s"
    )


def test_a_line_on_an_experiment_that_has_just_begun(tmp_path: Path) -> None:
    assert status(toy_plan(tmp_path), folded([]), 0.2) == "0/10 ended, 0 s"
