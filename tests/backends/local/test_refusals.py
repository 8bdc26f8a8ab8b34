from __future__ import annotations

import errno

import pytest

from pytest_synebench.backends.local import refusals
from pytest_synebench.backends.protocol import AttemptKey
from pytest_synebench.errors import BackendError
from pytest_synebench.trial import TrialId

KEYS = [AttemptKey(TrialId(3), 0), AttemptKey(TrialId(4), 1)]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.ENOENT, "No such file", "/x"), "No such file: /x; name one that is there"),
        (OSError(errno.ENOMEM, "No memory"), "No memory; run fewer workers"),
        (
            OSError(errno.EIO, "Bad disk", b"/\xff"),
            "Bad disk: /\udcff; see to it, then continue with --synebench-resume",
        ),
        (BlockingIOError(), "BlockingIOError; see to it, then continue with --synebench-resume"),
    ],
)
def test_an_error_of_the_system_has_a_way_out(error: OSError, text: str) -> None:
    assert str(refusals.refusal("it failed", error)) == f"it failed: {text}"
    with pytest.raises(BackendError) as told, refusals.refusing("it failed"):
        raise error
    assert str(told.value) == f"it failed: {text}"
    assert told.value.__cause__ is error


def test_a_supervisor_that_died_is_told_with_its_last_words_below() -> None:
    assert str(refusals.broken_off("it has ended: signal 9\nlast\nwords")) == (
        "it has ended: signal 9, and with it the trials that ran; nothing that was reported is "
        "lost: continue with --synebench-resume\nlast\nwords"
    )


@pytest.mark.parametrize(
    ("error", "which"), [(None, ""), (BackendError("12 does not end"), ": 12 does not end")]
)
def test_what_is_left_is_told_by_attempt_and_number(error: BackendError | None, which: str) -> None:
    assert str(refusals.still_there(KEYS, error)) == (
        "trial 3 (attempt 0), trial 4 (attempt 1): processes were sent SIGKILL and are still "
        f"there{which}; find out what holds them (a dead file system?)"
    )
