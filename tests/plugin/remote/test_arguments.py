"""What pytest is given in a job, and where submissions are followed."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_synebench.errors import UsageError
from pytest_synebench.experiment.remote.tuning.record import Record
from pytest_synebench.plugin.remote.arguments import together


def record(name: str = "toy-1", **fields: Any) -> Record:
    told: dict[str, Any] = {
        "title": "toy::small-fifo-random-r0",
        "benchmark": "toy",
        "run": "toy/x/r0",
        "folder": ".",
        "settings": {"num_trials": "4,8", "note": ""},
        "groups": "",
        "request": {},
    }
    return Record(name=name, **{**told, **fields})


def test_an_experiment_is_selected_by_its_id_and_what_was_typed() -> None:
    assert together([record(groups="num_trials work")]) == [
        "synebench::toy::small-fifo-random-r0",
        "--synebench-set=toy.num_trials=4,8",
        "--synebench-set=toy.note=",
        "--synebench-set=argument_groups=num_trials work",
    ]


def test_several_of_one_submission_share_what_was_typed() -> None:
    other = record("other-1", benchmark="other", title="other::x-r0", settings={"work": "1"})
    second = record("toy-2", title="toy::small-fifo-random-r1")
    assert together([record(), other, second]) == [
        "synebench::toy::small-fifo-random-r0",
        "synebench::other::x-r0",
        "synebench::toy::small-fifo-random-r1",
        "--synebench-set=toy.num_trials=4,8",
        "--synebench-set=toy.note=",
        "--synebench-set=other.work=1",
    ]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"settings": {"num_trials": "5", "note": ""}}, r"num_trials \('4,8' and '5'\)"),
        ({"settings": {"num_trials": "4,8"}}, r"note \('' and none\)"),
        ({"settings": {"num_trials": "4,8", "note": "", "a": "1"}}, r"a \(none and '1'\)"),
        ({"groups": "a b"}, r"argument_groups \('' and 'a b'\)"),
    ],
)
def test_what_one_session_cannot_have_is_refused(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=f"toy-1 and toy-2 were submitted with other .*{told}"):
        together([record(), record("toy-2", **fields)])
