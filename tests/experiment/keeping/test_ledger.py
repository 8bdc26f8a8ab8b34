"""What the archive is known to have."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synebench.checkpoints.protocol import Place
from pytest_synebench.experiment.keeping.ledger import Ledger
from pytest_synebench.trial import TrialId


def place(trial: int, attempt: int, level: int) -> Place:
    return Place(TrialId(trial), attempt, level)


def test_what_was_noted_is_known_to_the_next_controller(tmp_path: Path) -> None:
    first = Ledger(tmp_path)
    first.note(place(1, 0, 3), "a")
    first.note(place(1, 0, 9), "b")
    # No close: it was killed.
    second = Ledger(tmp_path)
    assert second.newest(TrialId(1), 9) == [(place(1, 0, 9), "b"), (place(1, 0, 3), "a")]
    assert second.newest(TrialId(1), 8) == [(place(1, 0, 3), "a")]
    assert second.level(TrialId(1), 2) == 0
    assert second.level(TrialId(10), 9) == 0


def test_noting_again_writes_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for _ in range(3):
        ledger.note(place(1, 0, 3), "a")
    assert (tmp_path / "checkpoints.jsonl").read_bytes().count(b"\n") == 1


def test_a_level_that_was_given_up_is_forgotten_and_known_to_be(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.note(place(1, 0, 3), "a")
    ledger.note(place(1, 0, 9), "b")
    ledger.note(place(2, 0, 9), "c")
    for _ in range(2):
        ledger.discard_beyond(TrialId(1), 4)
    for known in (ledger, Ledger(tmp_path)):
        assert known.newest(TrialId(1), 9) == [(place(1, 0, 3), "a")]
        assert known.level(TrialId(2), 9) == 9
        assert known.dropped == {place(1, 0, 9)}


def test_the_later_attempt_counts_though_its_level_is_lower(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.note(place(1, 0, 9), "a")
    ledger.note(place(1, 1, 3), "b")
    assert ledger.level(TrialId(1), 9) == 3


NOTES = st.lists(
    st.tuples(st.booleans(), st.integers(0, 2), st.integers(0, 2), st.integers(1, 4)), max_size=12
)


@settings(max_examples=20)  # each waits for the disk
@given(notes=NOTES)
def test_reading_again_gives_what_was_known(notes: list[tuple[bool, int, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder))
        for keeps, trial, attempt, level in notes:
            if keeps:
                ledger.note(place(trial, attempt, level), f"{attempt}{level}")
            else:
                ledger.discard_beyond(TrialId(trial), level)
        again = Ledger(Path(folder))
        for trial in range(3):
            assert again.newest(TrialId(trial), 9) == ledger.newest(TrialId(trial), 9)
        ledger.close()
        again.close()
