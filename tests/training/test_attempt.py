"""What the controller told the attempt."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pytest_synebench.errors import TrialError
from pytest_synebench.training.attempt import PARENT, VARIABLE, Attempt, read_attempt

TOLD = {
    "schema": 1,
    "trial": 3,
    "attempt": 0,
    "fd": 7,
    "nonce": "ab",
    "seed": 123,
    "resource_attr": "epoch",
    "until": 3,
    "resume_at_most": 1,
    "checkpoint_at": [1, 3],
    "checkpoint_dir": "/c",
    "config": {"lr": 1.0},
    "script": "/train.py",
}


def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> Attempt | None:
    path = tmp_path / "attempt.json"
    path.write_text(content)
    monkeypatch.setenv(VARIABLE, str(path))
    return read_attempt()


def test_without_the_variable_there_is_no_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert read_attempt() is None


def test_every_field_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = read(tmp_path, monkeypatch, json.dumps(TOLD))
    assert attempt is not None
    renamed = {"attempt": attempt.number, "checkpoint_at": list(attempt.checkpoint_at or ())}
    for name in TOLD.keys() - {"schema"}:
        assert renamed.get(name, getattr(attempt, name, None)) == TOLD[name]


def test_levels_to_save_at_may_be_every_one_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = read(tmp_path, monkeypatch, json.dumps({**TOLD, "checkpoint_at": []}))
    off = read(tmp_path, monkeypatch, json.dumps({**TOLD, "checkpoint_at": None}))
    assert (every and every.checkpoint_at, off and off.checkpoint_at) == ((), None)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "Expecting property name"),
        ("[]", "list indices must be integers"),
        (json.dumps({**TOLD, "schema": 2}), "its schema is 2, this package reads 1"),
        (json.dumps({k: v for k, v in TOLD.items() if k != "until"}), "it has no 'until'"),
    ],
)
def test_a_file_that_does_not_describe_an_attempt_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, reason: str
) -> None:
    with pytest.raises(TrialError, match=rf"{reason}.*To run the script by hand, unset {VARIABLE}"):
        read(tmp_path, monkeypatch, content)


def test_a_missing_file_is_an_error_and_not_a_run_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "/nowhere/attempt.json")
    with pytest.raises(TrialError, match="No such file"):
        read_attempt()


def test_the_process_that_the_controller_started_owns_the_attempt_and_its_child_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(PARENT, raising=False)
    assert Attempt(TOLD).owned
    monkeypatch.setenv(PARENT, str(os.getppid()))
    assert Attempt(TOLD).owned
    monkeypatch.setenv(PARENT, "1" if os.getppid() != 1 else "2")
    assert not Attempt(TOLD).owned
